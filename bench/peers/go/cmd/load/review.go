package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// digits is the width of a call's number in a body.
const digits = 12

// blank stands where a call's number goes. Nothing else in a review looks like it.
const blank = "@@@@@@@@@@@@"

// The first digits of the review's uid, and of the object's.
const (
	reviewed = "8d5a4b1e"
	stored   = "1c9e7a52"
)

// object is a JSON object. Marshalled, its keys are sorted, as those of a custom resource are that an API server sends.
type object map[string]any

// request is that of an AdmissionReview, in the order in which the API server writes it.
type request struct {
	UID             string `json:"uid"`
	Kind            object `json:"kind"`
	Resource        object `json:"resource"`
	RequestKind     object `json:"requestKind"`
	RequestResource object `json:"requestResource"`
	Name            string `json:"name"`
	Namespace       string `json:"namespace"`
	Operation       string `json:"operation"`
	UserInfo        object `json:"userInfo"`
	Object          object `json:"object"`
	OldObject       object `json:"oldObject"`
	DryRun          bool   `json:"dryRun"`
	Options         object `json:"options"`
}

// review is an AdmissionReview of a new BackupBatch, with blanks for the call's number in the uid, in the names and in
// every alias, so that no two calls ask the same. To the mutating webhook the first member comes without alias.
func review(members int, mutate bool) []byte {
	kind := object{"group": "stash.appscode.com", "version": "v1beta1", "kind": "BackupBatch"}
	resource := object{"group": "stash.appscode.com", "version": "v1beta1", "resource": "backupbatches"}
	written, err := json.Marshal(object{
		"apiVersion": "admission.k8s.io/v1",
		"kind":       "AdmissionReview",
		"request": request{
			UID: uid(reviewed), Kind: kind, Resource: resource, RequestKind: kind, RequestResource: resource,
			Name: "nightly-" + blank, Namespace: "shop", Operation: "CREATE",
			UserInfo: object{
				"username": "system:serviceaccount:flux-system:kustomize-controller",
				"uid":      "5f0c41e7-6d1c-4a57-9f0a-6b2f6f2f1d3e",
				"groups":   []string{"system:serviceaccounts", "system:serviceaccounts:flux-system", "system:authenticated"},
			},
			Object: batch(members, mutate), OldObject: nil, DryRun: true,
			Options: object{
				"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": []string{"All"},
				"fieldManager": "kustomize-controller",
			},
		},
	})
	if err != nil {
		panic(err) // strings, numbers and maps of them always marshal
	}
	return written
}

// uid is a UID with a blank for the call's number.
func uid(first string) string {
	return first + "-6c0f-4e0e-9b7d-" + blank
}

func batch(members int, mutate bool) object {
	list := make([]object, members)
	for index := range list {
		list[index] = member(index, index > 0 || !mutate)
	}
	return object{
		"apiVersion": "stash.appscode.com/v1beta1",
		"kind":       "BackupBatch",
		"metadata": object{
			"name":              "nightly-" + blank,
			"namespace":         "shop",
			"uid":               uid(stored),
			"generation":        1,
			"creationTimestamp": "2026-03-02T09:14:37Z",
			"labels":            object{"app.kubernetes.io/part-of": "shop"},
			"managedFields": []object{{
				"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "stash.appscode.com/v1beta1",
				"time": "2026-03-02T09:14:37Z", "fieldsType": "FieldsV1",
				"fieldsV1": object{
					"f:metadata": object{"f:labels": object{"f:app.kubernetes.io/part-of": object{}}},
					"f:spec": object{
						"f:backupHistoryLimit": object{}, "f:driver": object{}, "f:executionOrder": object{},
						"f:members": object{}, "f:repository": object{"f:name": object{}},
						"f:retentionPolicy": object{
							"f:keepDaily": object{}, "f:keepWeekly": object{}, "f:name": object{}, "f:prune": object{},
						},
						"f:schedule": object{}, "f:timeOut": object{},
					},
				},
			}},
		},
		"spec": object{
			"backupHistoryLimit": 3,
			"driver":             "Restic",
			"executionOrder":     "Parallel",
			"members":            list,
			"repository":         object{"name": "shop-" + blank},
			"retentionPolicy":    object{"name": "daily", "keepDaily": 7, "keepWeekly": 4, "prune": true},
			"schedule":           "15 2 * * *",
			"timeOut":            "2h0m0s", // as Go writes it: a server that decodes and encodes it would change 2h
		},
	}
}

// workloads are what the members back up in turn. A member without alias is the first, whose alias is then host-0.
var workloads = []struct{ apiVersion, kind, name, task string }{
	{"apps/v1", "Deployment", "frontend", ""},
	{"apps/v1", "StatefulSet", "database", ""},
	{"v1", "PersistentVolumeClaim", "media", "pvc-backup"},
	{"apps/v1", "DaemonSet", "agent", ""},
	{"appcatalog.appscode.com/v1alpha1", "AppBinding", "orders", "mysql-backup-8.0.14"},
}

func member(index int, aliased bool) object {
	workload := workloads[index%len(workloads)]
	name := fmt.Sprintf("%s-%03d", workload.name, index)
	data := "/var/lib/" + workload.name
	target := object{
		"ref":          object{"apiVersion": workload.apiVersion, "kind": workload.kind, "name": name},
		"paths":        []string{data},
		"volumeMounts": []object{{"name": "data", "mountPath": data}},
		"exclude":      []string{"*.tmp", "*.swp", "lost+found"},
		"args":         []string{"--one-file-system"},
	}
	if aliased {
		target["alias"] = fmt.Sprintf("c%s-%s", blank, name)
	}
	made := object{
		"target": target,
		"hooks": object{
			"preBackup": object{
				"containerName": "main",
				"exec":          object{"command": []string{"/bin/sh", "-c", "sync && touch " + data + "/.backup"}},
			},
		},
		"runtimeSettings": object{"container": object{
			"env":       []object{{"name": "GOMAXPROCS", "value": "1"}},
			"resources": object{"requests": object{"cpu": "100m", "memory": "128Mi"}},
		}},
	}
	if workload.task != "" {
		made["task"] = object{"name": workload.task}
	}
	return made
}

// places are where the blanks of a body begin.
func places(body []byte) []int {
	var found []int
	for from := 0; ; {
		at := bytes.Index(body[from:], []byte(blank))
		if at < 0 {
			return found
		}
		found = append(found, from+at)
		from += at + digits
	}
}

// fill writes a call's number into all places.
func fill(body []byte, places []int, number int64) {
	text := make([]byte, 0, 2*digits)
	text = strconv.AppendInt(text, 1e12+number, 10)[1:] // with zeros in front
	for _, at := range places {
		copy(body[at:], text)
	}
}
