// Nethttp is an admission webhook in Go's standard library: net/http, encoding/json, typed structs, and a patch whose
// operations are written by hand.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	admission "k8s.io/api/admission/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"stash-admission/bench/internal/decided"
	"stash-admission/bench/internal/stash"
)

const largestBody = 7 << 20

func main() {
	if err := serve(decided.Parse()); err != nil {
		fmt.Fprintln(os.Stderr, "nethttp:", err)
		os.Exit(1)
	}
}

func serve(given decided.Flags) error {
	logger := decided.Logger()
	mux := http.NewServeMux()
	mux.Handle("POST /mutate", webhook{"mutate", mutate, logger})
	mux.Handle("POST /validate", webhook{"validate", validate, logger})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	listening, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(given.Port)))
	if err != nil {
		return err
	}
	told, stop := decided.UntilTold()
	defer stop()
	go func() {
		<-told.Done()
		within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(within)
	}()
	fmt.Println("ready")
	if err := server.ServeTLS(listening, given.Cert, given.Key); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// webhook answers reviews with what decide says of them.
type webhook struct {
	name   string
	decide func(*admission.AdmissionRequest) (*admission.AdmissionResponse, error)
	logger *slog.Logger
}

func (w webhook) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, largestBody))
	if err != nil {
		http.Error(writer, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	started := time.Now()
	var review admission.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil || review.Request == nil {
		http.Error(writer, "no AdmissionReview", http.StatusBadRequest)
		return
	}
	asked := review.Request
	response, err := w.decide(asked)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	response.UID = asked.UID
	answer, err := json.Marshal(admission.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	decision := "allowed"
	switch {
	case !response.Allowed:
		decision = "refused"
	case response.Patch != nil:
		decision = "mutated"
	}
	decided.Log(w.logger, w.name, string(asked.UID), asked.Kind.Kind, string(asked.Operation), asked.Namespace, asked.Name,
		asked.UserInfo.Username, decision, started)
	writer.Header().Set("Content-Type", "application/json")
	_, _ = writer.Write(answer)
}

// read is the spec of the batch in a request, and whether the batch writes to its repository.
func read(request *admission.AdmissionRequest) (spec *stash.BatchSpec, writes bool, err error) {
	switch request.Kind.Kind {
	case "BackupBatch":
		var batch stash.BackupBatch
		err = json.Unmarshal(request.Object.Raw, &batch)
		return &batch.Spec.BatchSpec, true, err
	case "RestoreBatch":
		var batch stash.RestoreBatch
		err = json.Unmarshal(request.Object.Raw, &batch)
		return &batch.Spec, false, err
	}
	return nil, false, fmt.Errorf("no kind of ours: %q", request.Kind.Kind)
}

// operation is one of a JSON Patch.
type operation struct {
	Op    string `json:"op"`
	From  string `json:"from,omitempty"`
	Path  string `json:"path"`
	Value string `json:"value,omitempty"`
}

func mutate(request *admission.AdmissionRequest) (*admission.AdmissionResponse, error) {
	spec, _, err := read(request)
	if err != nil {
		return nil, err
	}
	response := &admission.AdmissionResponse{Allowed: true}
	changes := spec.Default()
	if len(changes) == 0 {
		return response, nil
	}
	operations := make([]operation, 0, 2*len(changes))
	for _, change := range changes {
		member := "/spec/members/" + strconv.Itoa(change.Member)
		switch {
		case change.Moved && change.Had:
			operations = append(operations, operation{Op: "remove", Path: member + "/rules"})
		case change.Moved:
			operations = append(operations, operation{Op: "move", From: member + "/rules", Path: member + "/target/rules"})
		}
		if change.Alias != "" {
			operations = append(operations, operation{Op: "add", Path: member + "/target/alias", Value: change.Alias})
		}
	}
	response.Patch, err = json.Marshal(operations)
	kind := admission.PatchTypeJSONPatch
	response.PatchType = &kind
	return response, err
}

func validate(request *admission.AdmissionRequest) (*admission.AdmissionResponse, error) {
	spec, writes, err := read(request)
	if err != nil {
		return nil, err
	}
	findings := spec.Check(writes)
	if len(findings) == 0 {
		return &admission.AdmissionResponse{Allowed: true}, nil
	}
	causes := make([]meta.StatusCause, len(findings))
	for index, each := range findings {
		field := fmt.Sprintf("spec.members[%d].target.%s", each.Member, each.Field)
		causes[index] = meta.StatusCause{Type: meta.CauseTypeFieldValueDuplicate, Field: field, Message: each.Message}
	}
	return &admission.AdmissionResponse{Result: &meta.Status{
		Status:  meta.StatusFailure,
		Reason:  meta.StatusReasonInvalid,
		Code:    http.StatusUnprocessableEntity,
		Message: causes[0].Field + ": " + causes[0].Message,
		Details: &meta.StatusDetails{Name: request.Name, Group: request.Kind.Group, Kind: request.Kind.Kind, Causes: causes},
	}}, nil
}
