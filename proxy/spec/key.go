package spec

import (
	"slices"
	"strconv"
	"strings"
)

// Key names what is claimed, for comparing claims: two Matches with the same Key
// take the same requests in the same order, whatever their template parts are
// called and in whatever order their conditions were written. Entries are left
// out, because they are claimed one by one.
func (m Match) Key() string {
	fields := []string{
		strconv.Itoa(int(m.Host.Kind)), templateShape(m.Host.Pattern),
		strconv.FormatBool(m.Path.Exact), templateShape(m.Path.Pattern),
		strconv.Itoa(m.Priority),
	}
	fields = append(fields, sortedSet("method", m.Methods)...)
	fields = append(fields, sortedSet("header", conditionKeys(m.Headers, strings.ToLower))...)
	fields = append(fields, sortedSet("query", conditionKeys(m.Queries, strings.Clone))...)
	clients := make([]string, len(m.Clients))
	for i, c := range m.Clients {
		clients[i] = c.Masked().String()
	}
	fields = append(fields, sortedSet("client", clients)...)
	// Quoted, so that no value can pretend to be two fields.
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(strconv.Quote(f))
	}
	return b.String()
}

func conditionKeys(conditions []Condition, fold func(string) string) []string {
	keys := make([]string, len(conditions))
	for i, c := range conditions {
		keys[i] = strconv.Quote(fold(c.Name)) + strconv.FormatBool(c.Regexp) + strconv.Quote(c.Value)
	}
	return keys
}

func sortedSet(kind string, values []string) []string {
	if len(values) == 0 {
		return nil
	}
	values = slices.Clone(values)
	slices.Sort(values)
	return append([]string{kind}, slices.Compact(values)...)
}
