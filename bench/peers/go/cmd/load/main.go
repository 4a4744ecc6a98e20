// Load asks an admission webhook about new BackupBatches, as an API server would, and tells how fast it answers.
//
// Each connection has one call under way (a closed loop). Every call has a uid, names and aliases of its own, and every
// answer is checked. The result is one line of JSON on standard output; times are in microseconds, from writing the
// request to the last byte of the answer, and with -new-connections from before the connection is made.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// result is what is printed.
type result struct {
	Calls     int     `json:"calls"`
	Failed    int     `json:"failed"`
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"rate"`
	P50       float64 `json:"p50_us"`
	P90       float64 `json:"p90_us"`
	P99       float64 `json:"p99_us"`
	P999      float64 `json:"p999_us"`
	Max       float64 `json:"max_us"`
	BodyBytes int     `json:"body_bytes"`
	ClientCPU float64 `json:"client_cpu_seconds"`
	First     float64 `json:"first_us"` // the first call of all, with its connection
	Failure   string  `json:"failure,omitempty"`
}

type options struct {
	url, ca, webhook string
	members          int
	connections      int
	calls            int64
	seconds, warmup  float64
	seed             int64
	fresh, constant  bool
	dump, raw        bool
}

func main() {
	var given options
	flag.StringVar(&given.url, "url", "", "the webhook, such as https://127.0.0.1:8443/validate")
	flag.StringVar(&given.ca, "ca", "", "file with the CA of the server's certificate")
	flag.StringVar(&given.webhook, "webhook", "", "mutate or validate: what is expected (the end of the URL's path)")
	flag.IntVar(&given.members, "members", 2, "members of each BackupBatch")
	flag.IntVar(&given.connections, "connections", 1, "connections, each with one call under way")
	flag.Int64Var(&given.calls, "calls", 0, "calls to make, on all connections together")
	flag.Float64Var(&given.seconds, "seconds", 0, "how long to call, instead of -calls")
	flag.Float64Var(&given.warmup, "warmup", 0, "seconds of calls before, which are not counted")
	flag.Int64Var(&given.seed, "seed", 0, "0 to 9999: runs with different seeds never ask the same")
	flag.BoolVar(&given.fresh, "new-connections", false, "a new TLS connection for each call")
	flag.BoolVar(&given.constant, "constant", false, "expect nothing but status 200")
	flag.BoolVar(&given.dump, "dump", false, "print a review and call nobody")
	flag.BoolVar(&given.raw, "raw", false, "with -dump: as it is sent")
	flag.Parse()
	if err := run(given); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
}

func run(given options) error {
	if given.webhook == "" {
		given.webhook = given.url[strings.LastIndex(given.url, "/")+1:]
	}
	switch {
	case given.webhook != "mutate" && given.webhook != "validate":
		return fmt.Errorf("-webhook has to be mutate or validate where -url does not end so, not %q", given.webhook)
	case given.members < 1 || given.members > 999 || given.connections < 1:
		return fmt.Errorf("-members has to be 1 to 999, and -connections at least 1")
	case given.seed < 0 || given.seed > 9999:
		return fmt.Errorf("-seed has to be 0 to 9999, not %d", given.seed)
	case !given.dump && (given.calls > 0) == (given.seconds > 0):
		return fmt.Errorf("either -calls or -seconds has to be given, and more than 0")
	}
	body := review(given.members, given.webhook == "mutate")
	if given.dump {
		return dump(body, given)
	}
	address, config, err := server(given)
	if err != nil {
		return err
	}
	expected := allowed
	if given.webhook == "mutate" {
		expected = allowedBy
	}
	if given.constant {
		expected = anything
	}
	workers := make([]*worker, given.connections)
	for index := range workers {
		workers[index] = newWorker(address, config, body, expected, given.fresh)
	}
	return json.NewEncoder(os.Stdout).Encode(measure(workers, given, len(body)))
}

// dump prints a review, the first that a run would send.
func dump(body []byte, given options) error {
	fill(body, places(body), given.seed*1e8+1)
	if given.raw {
		_, err := os.Stdout.Write(body)
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Println(pretty.String())
	return err
}

// server is where the webhook is, and how it is recognised.
func server(given options) (*url.URL, *tls.Config, error) {
	address, err := url.Parse(given.url)
	if err != nil {
		return nil, nil, err
	}
	if address.Scheme != "https" || address.Port() == "" {
		return nil, nil, fmt.Errorf("-url has to be https with a port, not %q", given.url)
	}
	written, err := os.ReadFile(given.ca)
	if err != nil {
		return nil, nil, fmt.Errorf("-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(written) {
		return nil, nil, fmt.Errorf("-ca: %s holds no certificate", given.ca)
	}
	return address, &tls.Config{RootCAs: roots, ServerName: address.Hostname(), MinVersion: tls.VersionTLS13}, nil
}

// measure lets the workers call, first to warm up, and sums up.
func measure(workers []*worker, given options, size int) result {
	debug.SetGCPercent(800)
	var next atomic.Int64
	next.Store(given.seed * 1e8)
	if given.warmup > 0 {
		until := after(given.warmup)
		together(workers, func(w *worker) { w.run(&next, math.MaxInt64, until) })
		for _, each := range workers {
			each.forget()
		}
	}
	last, until := int64(math.MaxInt64), time.Now().Add(24*time.Hour)
	if given.calls > 0 {
		last = next.Load() + given.calls
	}
	cpu, started := spent(), time.Now()
	if given.seconds > 0 {
		until = after(given.seconds)
	}
	together(workers, func(w *worker) { w.run(&next, last, until) })
	took := time.Since(started).Seconds()
	return summary(workers, took, spent()-cpu, size)
}

func after(seconds float64) time.Time {
	return time.Now().Add(time.Duration(seconds * float64(time.Second)))
}

// together runs all workers to their end.
func together(workers []*worker, do func(*worker)) {
	var all sync.WaitGroup
	for _, each := range workers {
		all.Go(func() { do(each) })
	}
	all.Wait()
}

func summary(workers []*worker, took, cpu float64, size int) result {
	made := result{Seconds: took, ClientCPU: cpu, BodyBytes: size, First: micro(workers[0].first)}
	var times []time.Duration
	for _, each := range workers {
		times = append(times, each.times...)
		made.Failed += each.failed
		if made.Failure == "" {
			made.Failure = each.failure
		}
		each.close()
	}
	slices.Sort(times)
	made.Calls = len(times)
	made.Rate = float64(made.Calls) / took
	made.P50, made.P90 = quantile(times, 0.5), quantile(times, 0.9)
	made.P99, made.P999 = quantile(times, 0.99), quantile(times, 0.999)
	made.Max = quantile(times, 1)
	return made
}

// quantile is the least time that the given part of the calls did not exceed, in microseconds.
func quantile(sorted []time.Duration, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return micro(sorted[max(int(math.Ceil(part*float64(len(sorted))))-1, 0)])
}

func micro(time time.Duration) float64 {
	return float64(time.Nanoseconds()) / 1e3
}

// spent is the CPU time of this process in seconds.
func spent() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it cannot fail for oneself
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}
