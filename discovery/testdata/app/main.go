// The smallest service there is, for tests on a real engine: it answers on the
// port of its first argument and ends at once on SIGTERM. Asked as
// `app check FILE` it is a HEALTHCHECK that holds while FILE does not exist.
// /sick and /well make and remove the file /sick; /proc/… are files of its own
// process.
package main

import (
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "check" {
		if _, err := os.Stat(os.Args[2]); err == nil {
			os.Exit(1)
		}
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here\n") })
	mux.HandleFunc("/hostname", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		_, _ = io.WriteString(w, name)
	})
	mux.HandleFunc("/sick", func(http.ResponseWriter, *http.Request) { _ = os.WriteFile("/sick", nil, 0o600) })
	mux.HandleFunc("/well", func(http.ResponseWriter, *http.Request) { _ = os.Remove("/sick") })
	mux.HandleFunc("/proc/self/{file}", func(w http.ResponseWriter, r *http.Request) {
		content, _ := os.ReadFile("/proc/self/" + r.PathValue("file"))
		_, _ = w.Write(content)
	})
	go func() { _ = http.ListenAndServe(":"+os.Args[1], mux) }()
	for s := range signals {
		if s == syscall.SIGTERM {
			return
		}
	}
}
