// Compares objects as Argo CD does, with its own library. Standard input has a question, standard output the answer.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/argoproj/gitops-engine/pkg/diff"
	openapi "github.com/google/gnostic-models/openapiv2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/util/proto"
)

// question is what is compared, and how.
type question struct {
	// Schema is the API server's OpenAPI document, version 2.
	Schema json.RawMessage `json:"schema"`
	// Manager is the name under which the controller applies.
	Manager string `json:"manager"`
	Cases   []pair `json:"cases"`
}

// pair is an object of Git and the stored one.
type pair struct {
	Config map[string]any `json:"config"`
	Live   map[string]any `json:"live"`
	// Predicted is what a dry run of server-side apply answers; only for the server's way of comparing.
	Predicted json.RawMessage `json:"predicted"`
	// Way is one of client, server-side-apply, server-side-diff, server-side-diff-with-webhooks.
	Way string `json:"way"`
}

// answer says whether they differ, and what Argo CD takes for the outcome of a synchronisation.
type answer struct {
	OutOfSync bool            `json:"outOfSync"`
	Predicted json.RawMessage `json:"predicted"`
}

// dryRun answers what the API server has answered already.
type dryRun string

func (d dryRun) Run(context.Context, *unstructured.Unstructured, string) (string, error) {
	return string(d), nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("reading the question: %w", err)
	}
	document, err := openapi.ParseDocument(asked.Schema)
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	models, err := proto.NewOpenAPIData(document)
	if err != nil {
		return fmt.Errorf("reading the schema's models: %w", err)
	}
	parser, err := managedfields.NewGVKParser(models, false)
	if err != nil {
		return fmt.Errorf("reading the schema's types: %w", err)
	}
	answers := make([]answer, 0, len(asked.Cases))
	for index, each := range asked.Cases {
		options := []diff.Option{diff.WithGVKParser(parser), diff.WithManager(asked.Manager)}
		switch each.Way {
		case "client":
		case "server-side-apply":
			options = append(options, diff.WithStructuredMergeDiff(true))
		case "server-side-diff", "server-side-diff-with-webhooks":
			options = append(options, diff.WithServerSideDiff(true), diff.WithServerSideDryRunner(dryRun(each.Predicted)),
				diff.WithIgnoreMutationWebhook(each.Way == "server-side-diff"))
		default:
			return fmt.Errorf("case %d: there is no way %q", index, each.Way)
		}
		found, err := diff.Diff(&unstructured.Unstructured{Object: each.Config}, &unstructured.Unstructured{Object: each.Live}, options...)
		if err != nil {
			return fmt.Errorf("case %d, %s: %w", index, each.Way, err)
		}
		answers = append(answers, answer{found.Modified, found.PredictedLive})
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}
