// Package decided has what both servers of the bench need beside their decisions: flags, and a line for each decision.
package decided

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Flags are those of both servers.
type Flags struct {
	Port      int
	Cert, Key string
}

// Parse reads the command line.
func Parse() Flags {
	var given Flags
	flag.IntVar(&given.Port, "port", 9443, "port on 127.0.0.1")
	flag.StringVar(&given.Cert, "cert", "tls.crt", "file with the certificate")
	flag.StringVar(&given.Key, "key", "tls.key", "file with its key")
	flag.Parse()
	return given
}

// UntilTold is a context that ends with SIGTERM or SIGINT.
func UntilTold() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// Logger writes JSON, one unbuffered line an event, to standard output.
func Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stdout, nil))
}

// Log tells of one decision, as the server that is compared does.
func Log(logger *slog.Logger, webhook, uid, kind, operation, namespace, name, user, decision string, since time.Time) {
	logger.LogAttrs(context.Background(), slog.LevelInfo, "decided",
		slog.String("webhook", webhook), slog.String("uid", uid), slog.String("operation", operation),
		slog.String("kind", kind), slog.String("namespace", namespace), slog.String("name", name),
		slog.String("user", user), slog.String("decision", decision),
		slog.Float64("milliseconds", float64(time.Since(since).Microseconds())/1e3))
}
