package proxy_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/gorilla/mux"

	"github.com/rota-proxy/rota/proxy"
)

// The README shows these lines.
func ExampleReverseProxy() {
	r := &proxy.ReverseProxy{}
	api := mux.NewRouter()
	api.Host("api.example.com").PathPrefix("/v1")
	if err := r.AddTarget([]string{"http://localhost:8001", "http://localhost:8002"}, api); err != nil {
		panic(err)
	}
	if err := r.AddTarget([]string{"http://localhost:9000/app?from=proxy"}, nil); err != nil {
		panic(err)
	}
	// http.ListenAndServe(":8080", r) would serve it.

	v1 := r.Match(httptest.NewRequest("GET", "http://api.example.com/v1/users", nil))
	fmt.Println(v1.SelectUpstream())
	fmt.Println(v1.SelectUpstream())
	fmt.Println(v1.SelectUpstream())
	rest := r.Match(httptest.NewRequest("GET", "http://www.example.com/", nil))
	fmt.Println(rest.SelectUpstream())
	// Output:
	// http://localhost:8001
	// http://localhost:8002
	// http://localhost:8001
	// http://localhost:9000/app?from=proxy
}
