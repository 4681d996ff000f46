package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-case", "1k-64, idle", "-case", "64k", "-rota", "a", "-rota", "b", "-rota", "old=c", "-candidates", "rota,nginx"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var rotas []string
	for _, r := range o.rotas {
		rotas = append(rotas, r.name+"="+filepath.Base(r.path))
	}
	if got, want := strings.Join(rotas, " "), "rota=a rota-2=b old=c"; got != want {
		t.Errorf("the rotas are %s instead of %s", got, want)
	}
	for name, want := range map[string]bool{"1k-64": true, "idle": true, "64k": true, "1m": false} {
		if o.wantsCase(name) != want {
			t.Errorf("whether case %s is wanted: %v", name, !want)
		}
	}
	for c, want := range map[candidate]bool{
		rota{binary: binary{name: "old"}}: true, nginx{name: nameNginx}: true,
		nginx{name: "nginx, combined", accessLog: true}: true,
		nginx{name: nameNginxBuffers, buffers: true}:    false, haproxy{}: false,
	} {
		if o.wantsCandidate(c) != want {
			t.Errorf("whether %s is wanted: %v", c.Name(), !want)
		}
	}
}

func TestWrongOptionsAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		"-case 2k":                      "1k-64",
		"-candidates apache":            "haproxy",
		"-rota nginx=x":                 "is taken",
		"-rota =x":                      "NAME=PATH",
		"-rounds 0":                     "-rounds",
		"-seconds 0":                    "-seconds",
		"1k-64":                         "no flag",
		"-case 1k-64,,idle":             "empty name",
		"-rota rota-2=x -rota y":        "is taken",
		"-rota a -candidates a":         `no "a"`,
		"-rota old=a -candidates older": "old",
	} {
		if _, err := parseOptions(strings.Fields(line), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q in it", line, err, want)
		}
	}
}
