package admin

import (
	"net/http"
	"strings"
	"testing"
)

const secret = "correct-horse"

func TestOnlyReadingIsAnswered(t *testing.T) {
	addr := start(t, Options{})
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		response, _ := ask(t, method, "http://"+addr+pathTargets)
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s answered %s with Allow %q", method, response.Status, response.Header.Get("Allow"))
		}
	}
	response, body := ask(t, "HEAD", "http://"+addr+pathTargets)
	if response.StatusCode != http.StatusOK || body != "" || response.ContentLength <= 0 {
		t.Errorf("HEAD answered %s, length %d, body %q", response.Status, response.ContentLength, body)
	}
}

func TestTokenIsAskedForEverythingButHealth(t *testing.T) {
	addr := start(t, Options{Token: secret})
	cases := map[string]struct {
		path, authorization string
		want                int
	}{
		"none":              {pathContainers, "", 401},
		"wrong":             {pathContainers, "Bearer wrong", 401},
		"beginning":         {pathContainers, "Bearer correct", 401},
		"more":              {pathContainers, "Bearer " + secret + "x", 401},
		"empty":             {pathContainers, "Bearer ", 401},
		"other scheme":      {pathContainers, "Basic " + secret, 401},
		"right":             {pathContainers, "Bearer " + secret, 200},
		"scheme in lower":   {pathTargets, "bearer " + secret, 200},
		"health":            {pathHealth, "", 200},
		"ready":             {pathReady, "", 200},
		"version":           {pathVersion, "", 401},
		"unknown page":      {"/x", "", 401},
		"health, not quite": {"/healthz/../api/v1/targets", "", 401},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var fields []string
			if c.authorization != "" {
				fields = []string{"Authorization", c.authorization}
			}
			response, body := ask(t, "GET", "http://"+addr+c.path, fields...)
			if response.StatusCode != c.want {
				t.Errorf("answered %s, want %d", response.Status, c.want)
			}
			if c.want == 401 && !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("no challenge in %v", response.Header)
			}
			if strings.Contains(body, secret) {
				t.Errorf("the token is in %s", body)
			}
		})
	}
}

func TestTwoAuthorizationFieldsAreNoWayRound(t *testing.T) {
	addr := start(t, Options{Token: secret})
	response, _ := ask(t, "GET", "http://"+addr+pathTargets, "Authorization", "Bearer x", "Authorization", "Bearer "+secret)
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %s, want 401", response.Status)
	}
}

func TestHostMustBeTheListenersOwn(t *testing.T) {
	cases := []struct {
		addr, host string
		want       int
	}{
		{"127.0.0.1:9900", "127.0.0.1:9900", 200},
		{"127.0.0.1:9900", "127.0.0.1", 200},
		{"127.0.0.1:9900", "127.9.9.9:1", 200},
		{"127.0.0.1:9900", "localhost:9900", 200},
		{"127.0.0.1:9900", "LOCALHOST.", 200},
		{"127.0.0.1:9900", "[::1]:9900", 200},
		{"127.0.0.1:9900", "[::ffff:127.0.0.1]:9900", 200},
		{"127.0.0.1:9900", "rebound.example:9900", 403},
		{"127.0.0.1:9900", "localhost.example", 403},
		{"127.0.0.1:9900", "evil.localhost.example:9900", 403},
		{"127.0.0.1:9900", "127.0.0.1.example", 403},
		{"127.0.0.1:9900", "10.0.0.1:9900", 403},
		{"127.0.0.1:9900", "0.0.0.0:9900", 403},
		{"10.0.0.1:9900", "10.0.0.1:9900", 200},
		{"10.0.0.1:9900", "10.0.0.2:9900", 403},
		{"rota.internal:9900", "Rota.Internal:443", 200},
		{"rota.internal:9900", "other.internal", 403},
		{":9900", "192.0.2.7:9900", 200},
		{"[::]:9900", "[2001:db8::1]", 200},
		{":9900", "rebound.example", 403},
		{"0.0.0.0:9900", "rebound.example", 403},
	}
	for _, c := range cases {
		t.Run(c.addr+" as "+c.host, func(t *testing.T) {
			addr := start(t, Options{Addr: c.addr})
			for _, path := range []string{pathHealth, pathContainers} {
				response, _ := ask(t, "GET", "http://"+addr+path, "Host", c.host)
				if response.StatusCode != c.want {
					t.Errorf("%s answered %s, want %d", path, response.Status, c.want)
				}
			}
		})
	}
}

// A page that reached the listener by a rebound name cannot know the token, so
// whoever has it may use any name, that of a compose service for one.
func TestTokenAllowsAnyHost(t *testing.T) {
	addr := start(t, Options{Addr: ":9900", Token: secret})
	response, _ := ask(t, "GET", "http://"+addr+pathTargets, "Host", "rota:9900", "Authorization", "Bearer "+secret)
	if response.StatusCode != http.StatusOK {
		t.Errorf("answered %s, want 200", response.Status)
	}
}

func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	addr := start(t, Options{Token: secret})
	cases := map[string]int{
		"":                      200,
		"http://" + addr:        200,
		"http://rebound.test":   403,
		"null":                  403,
		"http://":               403,
		"http://" + addr + "0":  403,
		"http://127.0.0.1:1":    403,
		"https://" + addr + ".": 403,
	}
	for origin, want := range cases {
		t.Run(origin, func(t *testing.T) {
			fields := []string{"Authorization", "Bearer " + secret}
			if origin != "" {
				fields = append(fields, "Origin", origin)
			}
			if response, _ := ask(t, "GET", "http://"+addr+pathTargets, fields...); response.StatusCode != want {
				t.Errorf("answered %s, want %d", response.Status, want)
			}
		})
	}
}

func TestEveryAnswerIsKeptFromCachesAndPages(t *testing.T) {
	addr := start(t, Options{})
	for _, path := range []string{pathHealth, pathReady, pathTargets, pathContainers, pathVersion, "/x"} {
		response, _ := ask(t, "GET", "http://"+addr+path)
		for name, want := range map[string]string{
			"Cache-Control":                "no-store",
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Content-Type":                 "application/json",
			"Access-Control-Allow-Origin":  "",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}
