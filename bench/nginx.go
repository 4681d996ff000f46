package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// benchHost is what is asked for where it does not matter.
const benchHost = "bench.test"

// nginx with two workers, one for each processor of the usual machine, and
// connections to the upstreams kept, which it does not do by itself.
type nginx struct {
	name      string
	keepalive int  // idle connections to the upstreams, for each worker
	buffers   bool // of 64 KiB, instead of its own of 4 KiB and a file
	bodies    bool // of 64 KiB are kept in memory, instead of 16 KiB
	accessLog bool
}

func (n nginx) Name() string { return n.name }

func (n nginx) Host() string { return benchHost }

func (n nginx) Kind() string {
	if n.buffers {
		return nameNginxBuffers
	}
	return nameNginx
}

func (n nginx) Prepare(s site) (launch, error) {
	file := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(n.configuration(s)), 0o644); err != nil {
		return launch{}, err
	}
	return launch{argv: []string{s.tools.nginx, "-p", s.dir, "-e", "stderr", "-c", file}}, nil
}

func (n nginx) configuration(s site) string {
	var servers strings.Builder
	for _, addr := range s.upstreams {
		fmt.Fprintf(&servers, "        server %s;\n", addr)
	}
	return fmt.Sprintf(`daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
    access_log %[2]s;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    keepalive_requests 100000000;
    keepalive_timeout 10m;
    upstream bench {
%[3]s        keepalive %[4]d;
        keepalive_requests 100000000;
    }
    server {
        listen %[5]s backlog=4096;
        location / {
            proxy_pass http://bench;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
%[6]s        }
    }
}
`, s.dir, n.log(s), servers.String(), n.keepalive, s.addr, n.tuning())
}

func (n nginx) log(s site) string {
	if n.accessLog {
		return filepath.Join(s.dir, "access.log")
	}
	return "off"
}

func (n nginx) tuning() string {
	var lines []string
	if n.buffers {
		lines = append(lines, "proxy_buffer_size 64k", "proxy_buffers 16 64k", "proxy_busy_buffers_size 128k", "proxy_max_temp_file_size 0")
	}
	if n.bodies {
		lines = append(lines, "client_body_buffer_size 64k")
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "            %s;\n", line)
	}
	return b.String()
}
