package admin

import (
	"time"

	"github.com/rota-proxy/rota/discovery"
)

// FileView is a file of static Targets as operators see it.
type FileView struct {
	Path    string     `json:"path"`
	Targets int        `json:"targets"`        // described in it and served
	Read    *time.Time `json:"read,omitempty"` // when it was read as it is served
	// Error is why the file as it is now cannot be used: what it said before is
	// served. Absent while it can.
	Error string `json:"error,omitempty"`
	// Reasons are about single entries, in the order of the file.
	Reasons []ReasonView `json:"reasons"`
}

func (s *Server) files() []FileView {
	views := []FileView{}
	for _, file := range s.options.Files {
		views = append(views, viewFile(file.Status()))
	}
	return views
}

func viewFile(status discovery.StaticStatus) FileView {
	return FileView{
		Path:    status.Path,
		Targets: status.Targets,
		Read:    moment(status.Read),
		Error:   status.Error,
		Reasons: viewReasons(status.Reasons),
	}
}
