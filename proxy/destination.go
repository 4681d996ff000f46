package proxy

import (
	"net/url"
	"strings"

	"github.com/rota-proxy/rota/proxy/spec"
)

// destination is the URL that makes the transport send path and query to the
// Upstream byte for byte, with the Upstream's base in front. query begins with
// its question mark, if there is one.
func destination(u *spec.Upstream, path, query string) *url.URL {
	basePath, baseQuery, _ := strings.Cut(u.Base, "?")
	to := &url.URL{Scheme: urlScheme(u.Scheme), Host: u.Address}
	setPath(to, joinPath(basePath, path))
	to.RawQuery, to.ForceQuery = joinQuery(baseQuery, query)
	return to
}

// urlScheme is s as URLs know it: h2c is a way to speak http.
func urlScheme(s spec.Scheme) string {
	if s == spec.HTTPS {
		return "https"
	}
	return "http"
}

// setPath avoids what net/url makes of a path when it encodes it again. Opaque
// is written as it is, unless it begins with two slashes.
func setPath(to *url.URL, path string) {
	if !strings.HasPrefix(path, "//") {
		to.Opaque = path
		return
	}
	to.Path, to.RawPath = path, path
	if plain, err := url.PathUnescape(path); err == nil {
		to.Path = plain
	}
}

// faithful says whether setPath keeps path as it is.
func faithful(path string) bool {
	if !strings.HasPrefix(path, "//") {
		return true
	}
	var to url.URL
	setPath(&to, path)
	return to.Opaque == path || to.EscapedPath() == path
}

// joinPath puts base in front of path with one slash between them.
func joinPath(base, path string) string {
	if base == "" || base == "/" {
		return path
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(path, "/")
}

// joinQuery puts base in front of a query; force keeps a bare question mark.
func joinQuery(base, query string) (joined string, force bool) {
	own, asked := strings.CutPrefix(query, "?")
	if base == "" || own == "" {
		return base + own, asked && base+own == ""
	}
	return base + "&" + own, false
}

// joinTarget puts base, with its query, in front of path and query.
func joinTarget(base, path, query string) string {
	basePath, baseQuery, _ := strings.Cut(base, "?")
	joined, force := joinQuery(baseQuery, query)
	target := joinPath(basePath, path)
	if joined != "" || force {
		target += "?" + joined
	}
	return target
}
