// Package stash has the batches of Stash in Go, as an operator declares them, and the four core rules of the bench.
// +kubebuilder:object:generate=true
package stash

import (
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object paths=.

// GroupVersion is that of both batches.
var GroupVersion = schema.GroupVersion{Group: "stash.appscode.com", Version: "v1beta1"}

// AddToScheme makes both batches known.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &BackupBatch{}, &RestoreBatch{})
	meta.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// BackupBatch is several targets, backed up together into one repository.
// +kubebuilder:object:root=true
type BackupBatch struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata,omitempty,omitzero"`
	Spec            BackupBatchSpec `json:"spec,omitempty,omitzero"`
	Status          BatchStatus     `json:"status,omitempty,omitzero"`
}

// BackupBatchSpec is what the user wants of a BackupBatch.
type BackupBatchSpec struct {
	BatchSpec          `json:",inline"`
	Schedule           string           `json:"schedule,omitempty"`
	RuntimeSettings    *RuntimeSettings `json:"runtimeSettings,omitempty"`
	RetentionPolicy    RetentionPolicy  `json:"retentionPolicy"`
	Paused             bool             `json:"paused,omitempty"`
	BackupHistoryLimit *int32           `json:"backupHistoryLimit,omitempty"`
	RetryConfig        *RetryConfig     `json:"retryConfig,omitempty"`
}

// RestoreBatch is several targets, restored together from one repository.
// +kubebuilder:object:root=true
type RestoreBatch struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata,omitempty,omitzero"`
	Spec            BatchSpec   `json:"spec,omitempty,omitzero"`
	Status          BatchStatus `json:"status,omitempty,omitzero"`
}

// BatchSpec is what both batches have.
type BatchSpec struct {
	Members        []Member       `json:"members,omitempty"`
	Driver         string         `json:"driver,omitempty"`
	Repository     *Repository    `json:"repository,omitempty"`
	MaintainOrder  *bool          `json:"maintainOrder,omitempty"`
	ExecutionOrder string         `json:"executionOrder,omitempty"`
	Hooks          *Hooks         `json:"hooks,omitempty"`
	TimeOut        *meta.Duration `json:"timeOut,omitempty"`
}

// Member is one target of a batch, and how it is backed up or restored.
type Member struct {
	Target                *Target                     `json:"target,omitempty"`
	Task                  *Task                       `json:"task,omitempty"`
	RuntimeSettings       *RuntimeSettings            `json:"runtimeSettings,omitempty"`
	TempDir               *TempDir                    `json:"tempDir,omitempty"`
	InterimVolumeTemplate *core.PersistentVolumeClaim `json:"interimVolumeTemplate,omitempty"`
	Hooks                 *Hooks                      `json:"hooks,omitempty"`
	// Rules of a RestoreBatch are deprecated here: they belong into the target.
	Rules []Rule `json:"rules,omitempty"`
}

// Target is what is backed up, or restored into.
type Target struct {
	Alias                string                       `json:"alias,omitempty"`
	Ref                  TargetRef                    `json:"ref,omitempty,omitzero"`
	Paths                []string                     `json:"paths,omitempty"`
	VolumeMounts         []core.VolumeMount           `json:"volumeMounts,omitempty"`
	Replicas             *int32                       `json:"replicas,omitempty"`
	SnapshotClassName    string                       `json:"snapshotClassName,omitempty"`
	VolumeClaimTemplates []core.PersistentVolumeClaim `json:"volumeClaimTemplates,omitempty"`
	Rules                []Rule                       `json:"rules,omitempty"`
	Exclude              []string                     `json:"exclude,omitempty"`
	Args                 []string                     `json:"args,omitempty"`
}

// TargetRef names a workload, a volume or an application.
type TargetRef struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Name       string `json:"name,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
}

// Rule is what to restore for which hosts.
type Rule struct {
	TargetHosts []string `json:"targetHosts,omitempty"`
	SourceHost  string   `json:"sourceHost,omitempty"`
	Snapshots   []string `json:"snapshots,omitempty"`
	Paths       []string `json:"paths,omitempty"`
	Include     []string `json:"include,omitempty"`
	Exclude     []string `json:"exclude,omitempty"`
}

// Task names the Task that backs up or restores a database or a volume.
type Task struct {
	Name   string  `json:"name,omitempty"`
	Params []Param `json:"params,omitempty"`
}

// Param is a parameter of a task.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RuntimeSettings are settings of a job's pod and container.
type RuntimeSettings struct {
	Pod       *PodSettings       `json:"pod,omitempty"`
	Container *ContainerSettings `json:"container,omitempty"`
}

// PodSettings are settings of a job's pod.
type PodSettings struct {
	PodLabels          map[string]string           `json:"podLabels,omitempty"`
	PodAnnotations     map[string]string           `json:"podAnnotations,omitempty"`
	NodeSelector       map[string]string           `json:"nodeSelector,omitempty"`
	ServiceAccountName string                      `json:"serviceAccountName,omitempty"`
	SecurityContext    *core.PodSecurityContext    `json:"securityContext,omitempty"`
	ImagePullSecrets   []core.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	Affinity           *core.Affinity              `json:"affinity,omitempty"`
	Tolerations        []core.Toleration           `json:"tolerations,omitempty"`
	PriorityClassName  string                      `json:"priorityClassName,omitempty"`
}

// ContainerSettings are settings of a job's container.
type ContainerSettings struct {
	Resources       core.ResourceRequirements `json:"resources,omitempty,omitzero"`
	LivenessProbe   *core.Probe               `json:"livenessProbe,omitempty"`
	ReadinessProbe  *core.Probe               `json:"readinessProbe,omitempty"`
	SecurityContext *core.SecurityContext     `json:"securityContext,omitempty"`
	EnvFrom         []core.EnvFromSource      `json:"envFrom,omitempty"`
	Env             []core.EnvVar             `json:"env,omitempty"`
}

// TempDir is where a job keeps temporary files.
type TempDir struct {
	Medium         core.StorageMedium `json:"medium,omitempty"`
	SizeLimit      *resource.Quantity `json:"sizeLimit,omitempty"`
	DisableCaching bool               `json:"disableCaching,omitempty"`
}

// Hooks run around a backup or a restore.
type Hooks struct {
	PreBackup   *Handler `json:"preBackup,omitempty"`
	PostBackup  *Handler `json:"postBackup,omitempty"`
	PreRestore  *Handler `json:"preRestore,omitempty"`
	PostRestore *Handler `json:"postRestore,omitempty"`
}

// Handler is one action.
type Handler struct {
	Exec            *core.ExecAction      `json:"exec,omitempty"`
	HTTPGet         *core.HTTPGetAction   `json:"httpGet,omitempty"`
	HTTPPost        *HTTPPost             `json:"httpPost,omitempty"`
	TCPSocket       *core.TCPSocketAction `json:"tcpSocket,omitempty"`
	ContainerName   string                `json:"containerName,omitempty"`
	ExecutionPolicy string                `json:"executionPolicy,omitempty"`
}

// HTTPPost is a POST request.
type HTTPPost struct {
	core.HTTPGetAction `json:",inline"`
	Body               string      `json:"body,omitempty"`
	Form               []FormEntry `json:"form,omitempty"`
}

// FormEntry is a field of a form.
type FormEntry struct {
	Key    string   `json:"key,omitempty"`
	Values []string `json:"values,omitempty"`
}

// Repository names the Repository that holds the data.
type Repository struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// RetentionPolicy is which snapshots are kept.
type RetentionPolicy struct {
	Name        string   `json:"name"`
	Prune       bool     `json:"prune"`
	KeepLast    int64    `json:"keepLast,omitempty"`
	KeepHourly  int64    `json:"keepHourly,omitempty"`
	KeepDaily   int64    `json:"keepDaily,omitempty"`
	KeepWeekly  int64    `json:"keepWeekly,omitempty"`
	KeepMonthly int64    `json:"keepMonthly,omitempty"`
	KeepYearly  int64    `json:"keepYearly,omitempty"`
	KeepTags    []string `json:"keepTags,omitempty"`
	DryRun      bool     `json:"dryRun,omitempty"`
}

// RetryConfig is what happens after a failed backup.
type RetryConfig struct {
	MaxRetry int32          `json:"maxRetry,omitempty"`
	Delay    *meta.Duration `json:"delay,omitempty"`
}

// BatchStatus is what the operator saw.
type BatchStatus struct {
	ObservedGeneration int64            `json:"observedGeneration,omitempty"`
	Phase              string           `json:"phase,omitempty"`
	Conditions         []meta.Condition `json:"conditions,omitempty"`
}
