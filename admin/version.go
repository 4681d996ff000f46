package admin

import "net/http"

// Version says which build is running.
type Version struct {
	Version  string `json:"version"`            // v1.2.3, or devel
	Revision string `json:"revision,omitempty"` // of the source
	Time     string `json:"time,omitempty"`     // of the revision, RFC 3339
	Modified bool   `json:"modified,omitempty"` // the source had changes beyond the revision
	Go       string `json:"go"`
	Platform string `json:"platform"` // linux/amd64
}

func (s *Server) version(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, http.StatusOK, s.options.Version)
}
