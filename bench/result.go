package main

import (
	"encoding/json"
	"os"
)

// result is what a case has shown.
type result struct {
	Case       string     `json:"case"`
	Title      string     `json:"title"`
	Candidates []standing `json:"candidates"`
}

// standing is one candidate's part of it.
type standing struct {
	Name   string             `json:"name"`
	Rounds []sample           `json:"rounds"`
	Ratios map[string]float64 `json:"ratios,omitempty"` // of what is compared, to each base
}

func newResult(w workload) result {
	r := result{Case: w.name, Title: w.title}
	for _, e := range w.entries {
		r.Candidates = append(r.Candidates, standing{Name: e.Name()})
	}
	return r
}

// conclude works out the ratios once all rounds are there.
func (r *result) conclude(w workload) {
	compared := w.metrics[0]
	for i := range r.Candidates {
		s := &r.Candidates[i]
		s.Ratios = map[string]float64{}
		for _, base := range w.bases {
			if b, ok := r.standing(base); ok && s.Name != base {
				s.Ratios[base] = ratio(s.values(compared), b.values(compared))
			}
		}
	}
}

func (r *result) standing(name string) (standing, bool) {
	for _, s := range r.Candidates {
		if s.Name == name {
			return s, true
		}
	}
	return standing{}, false
}

// values are the metric's, round by round.
func (s standing) values(m metric) []float64 {
	var values []float64
	for _, taken := range s.Rounds {
		values = append(values, m.of(taken))
	}
	return values
}

func writeJSON(name string, m machine, results []result) error {
	text, err := json.MarshalIndent(struct {
		Machine machine  `json:"machine"`
		Cases   []result `json:"cases"`
	}{m, results}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
