package main

import (
	"fmt"
	"slices"
)

// The candidates that are not rota, by what -candidates and the tables call
// them.
const (
	nameRota         = "rota"
	nameNginx        = "nginx"
	nameNginxBuffers = "nginx-64k"
	nameHAProxy      = "haproxy"
	nameReverseProxy = "reverseproxy"
)

func peers() []string {
	return []string{nameNginx, nameNginxBuffers, nameHAProxy, nameReverseProxy}
}

// workload is a case: who takes part, what is asked of them, how it is judged.
type workload struct {
	name, title string
	entries     []entry
	metrics     []metric // the first is the one that is compared
	bases       []string // those it is compared with
	bars        []bar
}

// entry is a candidate and how it is measured.
type entry struct {
	candidate
	measurer
}

// metric is a column of a table.
type metric struct {
	title    string
	decimals int
	of       func(sample) float64
}

// bar is what we want a candidate to hold: so many times a base, or, without
// one, so much.
type bar struct {
	of, base string
	most     float64
}

var loadMetrics = []metric{
	{"CPU µs", 1, func(s sample) float64 { return s.CPU }},
	{"rps", 0, func(s sample) float64 { return s.RPS }},
	{"p50 ms", 2, func(s sample) float64 { return s.P50 }},
	{"p99 ms", 2, func(s sample) float64 { return s.P99 }},
	{"RSS MiB", 0, func(s sample) float64 { return s.Resident }},
	{"elsewhere %", 0, func(s sample) float64 { return s.Elsewhere }},
}

var memoryMetrics = []metric{
	{"KiB each", 1, func(s sample) float64 { return s.PerConnection }},
	{"before MiB", 1, func(s sample) float64 { return s.Baseline }},
	{"with MiB", 1, func(s sample) float64 { return s.Resident }},
}

// plan makes the cases for some rotas. The zero value knows their names.
type plan struct {
	rotas []binary
	wrk   wrkTool
}

func (p plan) workloads() []workload {
	return []workload{
		p.small("1k-64", 64, 128, bar{base: nameNginx, most: 1.05}, bar{base: nameReverseProxy, most: 0.55}),
		p.small("1k-1000", 1000, 1024, bar{base: nameNginx, most: 1.00}),
		p.large("64k", "64 KiB", path64KiB, 64*kiB, 64,
			bar{base: nameNginx, most: 0.50}, bar{base: nameNginxBuffers, most: 1.05}),
		p.large("1m", "1 MiB", path1MiB, miB, 16, bar{base: nameNginx, most: 0.60}),
		p.post(),
		p.rate(),
		p.hosts(),
		p.idle(),
		p.accessLog(),
	}
}

func (p plan) small(name string, connections, keepalive int, bars ...bar) workload {
	l := p.get(path1KiB, kiB, connections)
	return p.race(name, fmt.Sprintf("1 KiB, %d connections", connections), underLoad{l}, bars,
		nginx{name: nameNginx, keepalive: keepalive})
}

func (p plan) large(name, size, path string, bytes int64, connections int, bars ...bar) workload {
	l := p.get(path, bytes, connections)
	return p.race(name, fmt.Sprintf("%s, %d connections", size, connections), underLoad{l}, bars,
		nginx{name: nameNginx, keepalive: 128}, nginx{name: nameNginxBuffers, keepalive: 128, buffers: true})
}

func (p plan) post() workload {
	l := wrkLoad{path: pathPost, size: int64(len("ok")), connections: 64, post: 16 * kiB, tool: p.wrk}
	return p.race("post16k", "POST of 16 KiB, 64 connections", underLoad{l},
		[]bar{{base: nameNginx, most: 1.00}}, nginx{name: nameNginx, keepalive: 128, bodies: true})
}

func (p plan) rate() workload {
	l := rateLoad{path: path1KiB, size: kiB, connections: 64, rate: 3000}
	return p.race("rate3000", "1 KiB, 3,000 requests a second on 64 connections", underLoad{l},
		[]bar{{base: nameNginx, most: 1.20}}, nginx{name: nameNginx, keepalive: 128})
}

func (p plan) get(path string, size int64, connections int) wrkLoad {
	return wrkLoad{path: path, size: size, connections: connections, tool: p.wrk}
}

// race is a case with every kind of candidate in it.
func (p plan) race(name, title string, m measurer, bars []bar, nginxes ...nginx) workload {
	w := workload{name: name, title: title, metrics: loadMetrics,
		bases: []string{nameNginx, nameNginxBuffers, nameReverseProxy}}
	for _, b := range p.rotas {
		w.add(rota{binary: b}, m)
		for _, bar := range bars {
			bar.of = b.name
			w.bars = append(w.bars, bar)
		}
	}
	for _, n := range nginxes {
		w.add(n, m)
	}
	w.add(haproxy{}, m)
	w.add(reverseProxy{}, m)
	p.compareRotas(&w)
	return w
}

func (w *workload) add(c candidate, m measurer) {
	w.entries = append(w.entries, entry{c, m})
}

// compareRotas makes the first rota the base of the others.
func (p plan) compareRotas(w *workload) {
	if len(p.rotas) > 1 {
		w.bases = append(w.bases, p.rotas[0].name)
	}
}

// hosts compares a rota that has many Targets with one that has one. All ask
// for a single host, except the last, which asks for a hundred in turn.
func (p plan) hosts() workload {
	w := workload{name: "hosts", title: "1 KiB, 64 connections, many hosts", metrics: loadMetrics}
	one := p.get(path1KiB, kiB, 64)
	turns := one
	for i := range 100 {
		turns.hosts = append(turns.hosts, hostNumber(i*100))
	}
	for _, b := range p.rotas {
		single := rota{binary: b, variant: "1 host", hosts: 1}
		hundred := rota{binary: b, variant: "100 hosts", hosts: 100}
		many := rota{binary: b, variant: "10000 hosts", hosts: 10_000}
		varied := rota{binary: b, variant: "10000 hosts, 100 asked", hosts: 10_000}
		w.add(single, oncePrepared{underLoad{one}})
		w.add(hundred, oncePrepared{underLoad{one}})
		w.add(many, oncePrepared{underLoad{one}})
		w.add(varied, oncePrepared{underLoad{turns}})
		w.bases = append(w.bases, single.Name())
		w.bars = append(w.bars, bar{of: many.Name(), base: single.Name(), most: 1.05})
	}
	return w
}

func (p plan) idle() workload {
	m := idleConnections{5000}
	w := workload{name: "idle", title: "5,000 idle connections that have each served a request",
		metrics: memoryMetrics, bases: []string{nameNginx}}
	for _, b := range p.rotas {
		w.add(rota{binary: b}, m)
		w.bars = append(w.bars, bar{of: b.name, most: 8})
	}
	w.add(nginx{name: nameNginx, keepalive: 128}, m)
	p.compareRotas(&w)
	return w
}

// accessLog compares each with itself: with a line for every request in a file,
// and without.
func (p plan) accessLog() workload {
	m := underLoad{p.get(path1KiB, kiB, 64)}
	w := workload{name: "accesslog", title: "1 KiB, 64 connections, access log to a file", metrics: loadMetrics}
	for _, b := range p.rotas {
		off := rota{binary: b, variant: "off"}
		w.add(off, m)
		w.add(rota{binary: b, variant: "json", accessLog: "json"}, m)
		w.bases = append(w.bases, off.Name())
	}
	w.add(nginx{name: nameNginx, keepalive: 128}, m)
	w.add(nginx{name: nameNginx + ", combined", keepalive: 128, accessLog: true}, m)
	w.bases = append(w.bases, nameNginx)
	return w
}

// only leaves in what is wanted, and no bases and bars of what is not there.
func (w workload) only(wanted func(c candidate) bool) workload {
	w.entries = slices.DeleteFunc(slices.Clone(w.entries), func(e entry) bool { return !wanted(e.candidate) })
	there := func(name string) bool {
		return slices.ContainsFunc(w.entries, func(e entry) bool { return e.Name() == name })
	}
	w.bases = slices.DeleteFunc(slices.Clone(w.bases), func(name string) bool { return !there(name) })
	w.bars = slices.DeleteFunc(slices.Clone(w.bars), func(b bar) bool {
		return !there(b.of) || b.base != "" && !there(b.base)
	})
	return w
}
