// Command app is the upstream of the end-to-end scenarios: a server that leaves
// the way real ones do, at once or after draining, and that tells the test by
// UDP what it received, so that nothing is forgotten when its container is
// removed, and by the end of a connection when it died.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

type options struct {
	listen     string
	drain      time.Duration
	work       time.Duration
	startDelay time.Duration
	collector  string
	reportAll  bool
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "check" {
		os.Exit(check())
	}
	log.Fatal(run(parse()))
}

func parse() options {
	var o options
	flag.StringVar(&o.listen, "listen", ":8080", "address to serve on")
	flag.DurationVar(&o.drain, "drain", 0, "how long to go on serving after SIGTERM; 0 exits at once")
	flag.DurationVar(&o.work, "work", 0, "how long answering a POST takes")
	flag.DurationVar(&o.startDelay, "start-delay", 0, "how long to wait before listening")
	flag.StringVar(&o.collector, "collector", "", "port of the default gateway to report to; empty reports nothing")
	flag.BoolVar(&o.reportAll, "report-all", false, "report every request, not only POSTs")
	flag.Parse()
	return o
}

// check is the container's HEALTHCHECK: 0 when the server calls itself healthy.
func check() int {
	answer, err := http.Get("http://127.0.0.1:8080/health")
	if err != nil {
		return 1
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

// run serves until leave ends the process; it returns only when it cannot.
func run(o options) error {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	time.Sleep(o.startDelay)

	a := &app{options: o}
	if err := a.connect(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	a.report(report{Kind: "listening"})
	server := &http.Server{Handler: a}
	go func() {
		<-terminated
		a.leave(server)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	select {} // leave ends the process
}

type app struct {
	options
	instance string
	reports  net.Conn
	lifeline net.Conn
	sick     atomic.Bool
}

// report is one datagram; the test decodes the same fields.
type report struct {
	Kind     string // listening, got, answered
	Instance string // the container's host name
	Request  string // its E2e-Id
	Method   string
	At       int64 // Unix time in nanoseconds
}

func (a *app) connect() (err error) {
	if a.instance, err = os.Hostname(); err != nil {
		return fmt.Errorf("asking for the host name: %w", err)
	}
	if a.collector == "" {
		return nil
	}
	host, err := gateway()
	if err != nil {
		return err
	}
	collector := net.JoinHostPort(host, a.collector)
	if a.reports, err = net.Dial("udp", collector); err != nil {
		return fmt.Errorf("connecting to the collector: %w", err)
	}
	// Never closed: when it ends, the kernel has taken the process's sockets
	// away, and that is the moment the test wants to know.
	if a.lifeline, err = net.Dial("tcp", collector); err != nil {
		return fmt.Errorf("connecting the lifeline: %w", err)
	}
	_, err = fmt.Fprintln(a.lifeline, a.instance)
	return err
}

// gateway is the machine that runs the container, seen from inside: where its
// default route leads.
func gateway() (string, error) {
	table, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return "", fmt.Errorf("reading the routes: %w", err)
	}
	for line := range strings.Lines(string(table)) {
		var device string
		var destination, hop uint32
		if n, _ := fmt.Sscanf(line, "%s %x %x", &device, &destination, &hop); n == 3 && destination == 0 {
			return netip.AddrFrom4([4]byte{byte(hop), byte(hop >> 8), byte(hop >> 16), byte(hop >> 24)}).String(), nil
		}
	}
	return "", errors.New("no default route leads to the collector")
}

func (a *app) report(r report) {
	if a.reports == nil {
		return
	}
	r.Instance, r.At = a.instance, time.Now().UnixNano()
	datagram, _ := json.Marshal(r)
	_, _ = a.reports.Write(datagram)
}

func (a *app) reportRequest(kind string, r *http.Request) {
	if a.reportAll || r.Method == http.MethodPost {
		a.report(report{Kind: kind, Request: r.Header.Get("E2e-Id"), Method: r.Method})
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		a.health(w, r)
		return
	}
	a.reportRequest("got", r)
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Method == http.MethodPost {
		time.Sleep(a.work)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(a.instance)))
	_, _ = io.WriteString(w, a.instance)
	// "answered" means that the bytes are on their way, not only in a buffer.
	_ = http.NewResponseController(w).Flush()
	a.reportRequest("answered", r)
}

// health answers the check, and with PUT ?ok=false makes it fail from now on.
func (a *app) health(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		a.sick.Store(r.URL.Query().Get("ok") == "false")
		return
	}
	if a.sick.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// leave ends the process: at once, with whatever is running, or after having
// served on for the time to drain and finished what is running then.
func (a *app) leave(server *http.Server) {
	if a.drain > 0 {
		time.Sleep(a.drain)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}
	os.Exit(0)
}
