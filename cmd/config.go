package cmd

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rota-proxy/rota/proxy"
)

// The names that flags and other files share.
const (
	entryHTTP         = "http"
	entryHTTPS        = "https"
	defaultEngineName = "docker"
	defaultAdmin      = "127.0.0.1:9900"
	imageData         = "/data"

	formatJSON    = "json"
	formatConsole = "console"
	formatOff     = "off"

	exposeLabelled = "labelled"
	exposeAll      = "all"
)

// config is everything `rota serve` was told, each value checked by itself when
// it was set and all of them together by check.
type config struct {
	http      string
	https     httpsAddress
	named     []entry
	engines   []engine
	discovery discoveryConfig
	admin     adminConfig
	data      string
	certs     string
	file      string
	trusted   []netip.Prefix
	bounds    proxy.Bounds
	logs      logConfig
	debug     bool
	linger    time.Duration
	grace     time.Duration
}

// httpsAddress is where HTTPS is taken in; empty: nowhere. One that was not asked
// for, but is the default, is done without where it cannot be had.
type httpsAddress struct {
	addr  string
	asked bool
}

type discoveryConfig struct {
	expose, defaultHost, network, prefix, self string
}

type adminConfig struct{ addr, token string }

// logConfig: an empty format means console on a terminal and json elsewhere.
type logConfig struct{ access, format, level string }

// The headings of the help text.
const (
	groupTraffic   = "Traffic"
	groupDiscovery = "Discovery"
	groupAdmin     = "Administration"
	groupFiles     = "Files"
	groupLogs      = "Logs"
)

// bindConfig defines the flags of `rota serve` and returns what they fill.
func bindConfig(flags *pflag.FlagSet) *config {
	c := &config{}
	c.bindTraffic(flags)
	bindBounds(flags, &c.bounds)
	c.bindDiscovery(flags)
	c.bindAdmin(flags)
	c.bindLogs(flags)
	return c
}

func (c *config) bindTraffic(flags *pflag.FlagSet) {
	addFlag(flags, entryHTTP, flagValue(&c.http, ":80", parseAddressOrOff), flagText{
		group: groupTraffic, placeholder: "ADDRESS", example: ":8080",
		help: "Take HTTP in here; empty is off.",
	})
	addFlag(flags, entryHTTPS, flagValue(&c.https, ":443", parseHTTPS), flagText{
		group: groupTraffic, placeholder: "ADDRESS", example: ":8443",
		help: "Take HTTPS in here, for Targets with the label tls; empty is off. The default is done without where it cannot be had.",
	})
	c.https.asked = false
	addFlag(flags, "entry", &list[entry]{into: &c.named, parse: parseEntry}, flagText{
		group: groupTraffic, placeholder: "NAME=ADDRESS", example: "internal=10.0.0.5:8080", shown: "none",
		help: "A further HTTP listener, which labels may ask for by name. Repeatable, or a comma-separated list.",
	})
	addFlag(flags, "trusted-proxies", &list[netip.Prefix]{into: &c.trusted, parse: parseNetwork}, flagText{
		group: groupTraffic, placeholder: "NETWORKS", example: "10.0.0.0/8,192.168.1.7", shown: "none",
		help: "Whose X-Forwarded-* fields are believed; everybody else's are replaced.",
	})
	addFlag(flags, "linger", flagValue(&c.linger, "1m", parseDuration), flagText{
		group: groupTraffic, placeholder: "DURATION", example: "90s",
		help: "How long a Target stays known after its last container went away.",
	})
	addFlag(flags, "grace", flagValue(&c.grace, "30s", parseDuration), flagText{
		group: groupTraffic, placeholder: "DURATION", example: "45s",
		help: "How long running requests may finish after SIGTERM or SIGINT; a second signal ends them.",
	})
	addSwitch(flags, &c.debug, "debug-headers", flagText{
		group: groupTraffic,
		help:  "Answer with the Upstream, the attempts and the time held, and name containers in errors.",
	})
}

func (c *config) bindDiscovery(flags *pflag.FlagSet) {
	addFlag(flags, "docker", &list[engine]{into: &c.engines, parse: parseEngine}, flagText{
		group: groupDiscovery, placeholder: "[NAME=]URL", example: "unix:///var/run/docker.sock",
		shown: "DOCKER_HOST, else unix:///var/run/docker.sock",
		help:  "The engine to follow, by unix:// or tcp:// (TLS by DOCKER_CERT_PATH and DOCKER_TLS_VERIFY); off: only what --file describes.",
	})
	addFlag(flags, "expose", flagValue(&c.discovery.expose, exposeLabelled, parseWord(exposeLabelled, exposeAll)), flagText{
		group: groupDiscovery, placeholder: "labelled|all", example: exposeAll,
		help: "Which containers are routed: those with labels, or all that do not hide.",
	})
	addFlag(flags, "default-host", flagValue(&c.discovery.defaultHost, discovery.DefaultHost, parseTemplate), flagText{
		group: groupDiscovery, placeholder: "TEMPLATE", example: "'{{.Service}}.example.com'",
		help: "The host of containers that name none; knows .Service .Project .Name and {{.Label \"x\"}}.",
	})
	addFlag(flags, "network", flagValue(&c.discovery.network, "", parseText), flagText{
		group: groupDiscovery, placeholder: "NAME", example: "web", shown: "any shared one",
		help: "The network to prefer when a container shares several with rota.",
	})
	addFlag(flags, "label-prefix", flagValue(&c.discovery.prefix, labels.DefaultPrefix, parseLabelPrefix), flagText{
		group: groupDiscovery, placeholder: "PREFIX", example: labels.DefaultPrefix,
		help: "What our labels begin with.",
	})
	addFlag(flags, "self", flagValue(&c.discovery.self, "", parseText), flagText{
		group: groupDiscovery, placeholder: "CONTAINER", example: "rota-1", shown: "found out",
		help: "The container rota itself runs in, by name or id.",
	})
}

func (c *config) bindAdmin(flags *pflag.FlagSet) {
	addFlag(flags, "admin", flagValue(&c.admin.addr, defaultAdmin, parseAddress), flagText{
		group: groupAdmin, placeholder: "ADDRESS", example: defaultAdmin,
		help: "Health and API. An address that is not loopback needs --admin-token.",
	})
	addFlag(flags, "admin-token", flagValue(&c.admin.token, "", parseToken), flagText{
		group: groupAdmin, placeholder: "TOKEN", shown: "none", secret: true,
		help: "What API requests must carry as `Authorization: Bearer TOKEN`.",
	})
	addFlag(flags, "data", flagValue(&c.data, "", parseText), flagText{
		group: groupFiles, placeholder: "DIR", example: "/var/lib/rota", shown: dataDefaultInWords,
		help: "Where rota keeps its state.",
	})
	addFlag(flags, "file", flagValue(&c.file, "", parseText), flagText{
		group: groupFiles, placeholder: "FILE", example: "/etc/rota/routes.yml", shown: "none",
		help: "Static Targets, for backends that are not containers; read again when it changes.",
	})
	addFlag(flags, "certs", flagValue(&c.certs, "", parseText), flagText{
		group: groupFiles, placeholder: "DIR", example: "/certs", shown: "none",
		help: "Certificates for the labels tls, tls.client-ca and scheme.cert: NAME.crt with NAME.key, or NAME.pem with both; read again when they change.",
	})
}

func (c *config) bindLogs(flags *pflag.FlagSet) {
	addFlag(flags, "access-log", flagValue(&c.logs.access, "", parseFormat(formatJSON, formatConsole, formatOff)), flagText{
		group: groupLogs, placeholder: "json|console|off", example: formatJSON, shown: "console on a terminal, else json",
		help: "One line per request, on standard output.",
	})
	addFlag(flags, "log-level", flagValue(&c.logs.level, "info", parseWord("debug", "info", "warn", "error")), flagText{
		group: groupLogs, placeholder: "debug|info|warn|error", example: "debug",
		help: "The least important line to be logged.",
	})
	addFlag(flags, "log-format", flagValue(&c.logs.format, "", parseFormat(formatJSON, formatConsole)), flagText{
		group: groupLogs, placeholder: "json|console", example: formatJSON, shown: "console on a terminal, else json",
		help: "The form of rota's own log, on standard error.",
	})
}

// parseFormat is parseWord, with nothing for "whatever suits the output".
func parseFormat(words ...string) func(string) (string, error) {
	known := parseWord(words...)
	return func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return known(text)
	}
}

// check refuses what is right by itself and wrong together.
func (c *config) check() error {
	if err := c.checkEngines(); err != nil {
		return err
	}
	if !isLoopback(c.admin.addr) && c.admin.token == "" {
		return usageErrorf("--admin %q can be reached from other machines and needs --admin-token; "+
			"without one it must be a loopback address like %s", c.admin.addr, defaultAdmin)
	}
	if c.certs != "" {
		if info, err := os.Stat(c.certs); err != nil || !info.IsDir() {
			return usageErrorf("--certs %q: there is no such directory", c.certs)
		}
	}
	return c.checkEntries()
}

// checkEngines takes one engine, or none where there is something else to serve.
func (c *config) checkEngines() error {
	switch {
	case len(c.engines) > 1 && slices.Contains(c.engines, engineOff):
		return usageErrorf("--docker off goes with no other engine")
	case len(c.engines) > 1:
		return usageErrorf("--docker names %d engines; this version follows one", len(c.engines))
	case c.withoutEngine() && c.file == "":
		return usageErrorf("--docker off and no --file: nothing to serve; right would be --file /etc/rota/routes.yml")
	}
	return nil
}

func (c *config) checkEntries() error {
	entries := c.entries()
	if len(entries) == 0 {
		return usageErrorf("--http and --https are off and there is no --entry: nothing to listen on; right would be --http :80")
	}
	names, addrs := map[string]bool{}, map[string]string{}
	for _, e := range entries {
		if names[e.Name] {
			return usageErrorf("--entry %s: the name is given twice", e.Name)
		}
		if other, taken := addrs[e.Addr]; taken && !anyPort(e.Addr) {
			return usageErrorf("the entries %s and %s have the same address %s", other, e.Name, e.Addr)
		}
		names[e.Name], addrs[e.Addr] = true, e.Name
	}
	return nil
}

// entries are all listeners for traffic, `http` and `https` first.
func (c *config) entries() []entry {
	var entries []entry
	if c.http != "" {
		entries = append(entries, entry{Name: entryHTTP, Addr: c.http})
	}
	if c.https.addr != "" {
		entries = append(entries, entry{Name: entryHTTPS, Addr: c.https.addr})
	}
	return append(entries, c.named...)
}

// withoutEngine says whether only a file is served.
func (c *config) withoutEngine() bool { return slices.Contains(c.engines, engineOff) }

// engine is the one to follow; an empty Host leaves the choice to DOCKER_HOST
// and the platform.
func (c *config) engine() engine {
	if len(c.engines) > 0 {
		return c.engines[0]
	}
	return engine{Name: defaultEngineName}
}

// anyPort says whether the kernel chooses the port.
func anyPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}

// isLoopback says whether only this machine can reach what listens there. A
// name other than localhost may mean anything, and no host means everywhere.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

const dataDefaultInWords = "/data in a container, else $XDG_STATE_HOME/rota, else ~/.local/state/rota, else /var/lib/rota"

// dataFolder is --data, or what stands in for it: the image's folder inside a
// container, the state folder of the user elsewhere (XDG Base Directory).
func dataFolder(given string, env environment, inContainer bool) string {
	switch state, home := env.get("XDG_STATE_HOME"), env.get("HOME"); {
	case given != "":
		return given
	case inContainer:
		return imageData
	case filepath.IsAbs(state):
		return filepath.Join(state, "rota")
	case filepath.IsAbs(home):
		return filepath.Join(home, ".local", "state", "rota")
	}
	return "/var/lib/rota"
}

// inContainer says whether this process runs in one: Docker and Podman leave a
// mark in the root folder.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}
