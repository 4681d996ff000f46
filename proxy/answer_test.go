package proxy

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// answerCodes reads the constants from the source, so that none can be left out.
func answerCodes(t *testing.T) []answerCode {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "answer.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []answerCode
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "answerCode" {
				code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				codes = append(codes, answerCode(code))
			}
		}
		return true
	})
	return codes
}

func TestAnswerCodes(t *testing.T) {
	codes := answerCodes(t)
	if len(codes) < 20 {
		t.Fatalf("only %d codes found", len(codes))
	}
	texts := map[string]answerCode{}
	for _, c := range codes {
		k := c.kind()
		if k.status < 400 || k.status > 599 || k.text == "" || (k.status == 500) != (c == codeInternal) {
			t.Errorf("%s: %+v", c, k)
		}
		if twin, taken := texts[k.text]; taken {
			t.Errorf("%s says the same as %s", c, twin)
		}
		texts[k.text] = c
		if k.retryAfter > 0 && k.status != 503 {
			t.Errorf("%s: Retry-After on %d", c, k.status)
		}
	}
}

func TestAnswerAsText(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", "999")
	writeAnswer(w, httptest.NewRequest("GET", "/", nil), answer{code: codeNotReady, detail: "shop-web-1 on 10.0.0.5"}, false)
	if w.Code != 503 || w.Body.String() != "503 no ready replica (rota: no-ready-upstream)\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	checkHeader(t, "header", w.Header(), fields("Rota-Reason", "no-ready-upstream", "Cache-Control", "no-store",
		"X-Content-Type-Options", "nosniff", "Retry-After", "5", "Content-Type", "text/plain; charset=utf-8",
		"Content-Length", strconv.Itoa(w.Body.Len()), "Vary", "Accept"))
}

func TestAnswerShowsDetailOnlyForDebugging(t *testing.T) {
	const secret = "shop-web-1"
	for _, accept := range []string{"", "application/json"} {
		for _, debug := range []bool{false, true} {
			for _, media := range []string{"", "application/grpc"} {
				r := httptest.NewRequest("POST", "/", nil)
				r.Header.Set("Accept", accept)
				r.Header.Set("Content-Type", media)
				w := httptest.NewRecorder()
				writeAnswer(w, r, answer{code: codeFailed, detail: secret}, debug)
				all := w.Body.String() + w.Header().Get("Grpc-Message")
				if strings.Contains(all, secret) != debug {
					t.Errorf("accept %q, media %q, debug %v: %q", accept, media, debug, all)
				}
			}
		}
	}
}

func TestAnswerAsProblem(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	writeAnswer(w, r, answer{code: codeGone, text: `away "2 m" ago`, detail: "web-1"}, true)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"title": "Not Found", "status": 404.0, "detail": `away "2 m" ago`, "code": "gone", "debug": "web-1",
	} {
		if got[key] != want {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	if media := w.Header().Get("Content-Type"); media != "application/problem+json" {
		t.Error(media)
	}
}

func TestAnswerToHead(t *testing.T) {
	for _, accept := range []string{"", "application/json"} {
		r := httptest.NewRequest("HEAD", "/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		writeAnswer(w, r, answer{code: codeNotFound}, false)
		if w.Code != 404 || w.Body.Len() != 0 || w.Header().Get("Rota-Reason") != "not-found" || w.Header().Get("Content-Length") == "" {
			t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
		}
	}
}

func TestAnswerMethodNotAllowed(t *testing.T) {
	for _, a := range []answer{{code: codeMethod, allow: []string{"GET", "POST"}}, {code: codeConnect}} {
		w := httptest.NewRecorder()
		writeAnswer(w, httptest.NewRequest("PUT", "/", nil), a, false)
		if allow, there := w.Header()["Allow"]; w.Code != 405 || !there || allow[0] != strings.Join(a.allow, ", ") {
			t.Errorf("%s: %d %v", a.code, w.Code, w.Header())
		}
	}
}

func TestAnswerToGRPC(t *testing.T) {
	for _, media := range []string{"application/grpc", "application/grpc+proto", "Application/GRPC-web; x=y"} {
		for code, want := range map[answerCode]string{
			codeNotReady: "14", codeFailed: "14", codeTimeout: "14", codeNotFound: "12", codeBadHost: "13", codeMethod: "2", codeInternal: "2",
		} {
			r := httptest.NewRequest("POST", "/pkg.Service/Method", nil)
			r.Header.Set("Content-Type", media)
			r.Header.Set("Accept", "application/json")
			w := httptest.NewRecorder()
			writeAnswer(w, r, answer{code: code}, false)
			message, err := url.PathUnescape(w.Header().Get("Grpc-Message"))
			if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Grpc-Status") != want || err != nil ||
				!strings.Contains(message, code.kind().text) || w.Header().Get("Content-Type") != "application/grpc" {
				t.Errorf("%s, %s: %d %v", media, code, w.Code, w.Header())
			}
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Content-Type", "application/grpc")
	if isGRPC(r) {
		t.Error("a GET is no gRPC")
	}
}

func TestPrefersJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                                    false,
		"*/*":                                 false,
		"application/json":                    true,
		"application/problem+json":            true,
		"application/vnd.api+json;v=1, */*":   true,
		"APPLICATION/JSON":                    true,
		"application/json, text/plain, */*":   true,
		"text/plain, application/json;q=0.5":  false,
		"text/plain;q=0.4, application/json":  true,
		"application/json;q=0":                false,
		"application/json;q=x":                false,
		"application/json;q=2":                false,
		"application/json; charset=utf-8;q=1": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": false,
		"text/html, application/json":      true,
		"application/jsonx, text/json+x,,": false,
	} {
		if got := prefersJSON([]string{accept}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if !prefersJSON([]string{"text/plain;q=0.1", "application/json"}) {
		t.Error("the second line was not read")
	}
}
