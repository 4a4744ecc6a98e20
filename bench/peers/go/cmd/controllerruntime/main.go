// Controllerruntime is an admission webhook as most operators in Go have it: controller-runtime's webhook server with a
// defaulter and a validator for a typed object. controller-runtime itself decodes, computes the patch and counts.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"stash-admission/bench/internal/decided"
	"stash-admission/bench/internal/stash"
)

func main() {
	if err := serve(decided.Parse()); err != nil {
		fmt.Fprintln(os.Stderr, "controllerruntime:", err)
		os.Exit(1)
	}
}

func serve(given decided.Flags) error {
	logger := decided.Logger()
	log.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	folder := filepath.Dir(given.Cert)
	if filepath.Dir(given.Key) != folder {
		return errors.New("certificate and key have to be in one folder")
	}
	server := webhook.NewServer(webhook.Options{
		Host: "127.0.0.1", Port: given.Port,
		CertDir: folder, CertName: filepath.Base(given.Cert), KeyName: filepath.Base(given.Key),
	})
	scheme := runtime.NewScheme()
	if err := stash.AddToScheme(scheme); err != nil {
		return err
	}
	// controller-runtime has a path for each type; the benchmarks ask about BackupBatches.
	for path, made := range map[string]*admission.Webhook{
		"/mutate":                admission.WithDefaulter(scheme, backups{}),
		"/validate":              admission.WithValidator(scheme, backups{}),
		"/mutate-restorebatch":   admission.WithDefaulter(scheme, restores{}),
		"/validate-restorebatch": admission.WithValidator(scheme, restores{}),
	} {
		made.Handler = logged{made.Handler, path[1:], logger}
		server.Register(path, made)
	}
	told, stop := decided.UntilTold()
	defer stop()
	go announce(told, server)
	return server.Start(told)
}

// announce says when the server listens.
func announce(told context.Context, server webhook.Server) {
	for told.Err() == nil {
		if server.StartedChecker()(nil) == nil {
			fmt.Println("ready")
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// logged is a handler that writes a line for each decision.
type logged struct {
	admission.Handler
	webhook string
	logger  *slog.Logger
}

// Handle decides, and says so.
func (l logged) Handle(ctx context.Context, request admission.Request) admission.Response {
	started := time.Now()
	response := l.Handler.Handle(ctx, request)
	decision := "allowed"
	switch {
	case !response.Allowed:
		decision = "refused"
	case len(response.Patches) > 0:
		decision = "mutated"
	}
	decided.Log(l.logger, l.webhook, string(request.UID), request.Kind.Kind, string(request.Operation), request.Namespace,
		request.Name, request.UserInfo.Username, decision, started)
	return response
}

type backups struct{}

// Default is called for each new or changed BackupBatch.
func (backups) Default(_ context.Context, batch *stash.BackupBatch) error {
	batch.Spec.Default()
	return nil
}

// ValidateCreate judges a new BackupBatch.
func (backups) ValidateCreate(_ context.Context, batch *stash.BackupBatch) (admission.Warnings, error) {
	return nil, invalid("BackupBatch", batch.Name, batch.Spec.Check(true))
}

// ValidateUpdate judges a changed BackupBatch.
func (b backups) ValidateUpdate(ctx context.Context, _, batch *stash.BackupBatch) (admission.Warnings, error) {
	return b.ValidateCreate(ctx, batch)
}

// ValidateDelete judges nothing.
func (backups) ValidateDelete(context.Context, *stash.BackupBatch) (admission.Warnings, error) {
	return nil, nil
}

type restores struct{}

// Default is called for each new or changed RestoreBatch.
func (restores) Default(_ context.Context, batch *stash.RestoreBatch) error {
	batch.Spec.Default()
	return nil
}

// ValidateCreate judges a new RestoreBatch.
func (restores) ValidateCreate(_ context.Context, batch *stash.RestoreBatch) (admission.Warnings, error) {
	return nil, invalid("RestoreBatch", batch.Name, batch.Spec.Check(false))
}

// ValidateUpdate judges a changed RestoreBatch.
func (r restores) ValidateUpdate(ctx context.Context, _, batch *stash.RestoreBatch) (admission.Warnings, error) {
	return r.ValidateCreate(ctx, batch)
}

// ValidateDelete judges nothing.
func (restores) ValidateDelete(context.Context, *stash.RestoreBatch) (admission.Warnings, error) {
	return nil, nil
}

// invalid is an error of Kubernetes' own kind for findings, nil if there are none.
func invalid(kind, name string, findings []stash.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	var all field.ErrorList
	for _, each := range findings {
		path := field.NewPath("spec", "members").Index(each.Member).Child("target", each.Field)
		all = append(all, &field.Error{
			Type: field.ErrorTypeDuplicate, Field: path.String(), BadValue: each.Value, Detail: each.Message,
		})
	}
	return apierrors.NewInvalid(stash.GroupVersion.WithKind(kind).GroupKind(), name, all)
}
