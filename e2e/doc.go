// Package e2e holds the scenarios on a real engine: replicas of a service come,
// go, break and return under a constant load through rota, and the lost requests
// are counted. The expected number is 0.
//
// The tests skip, saying why, where no engine answers; with ROTA_E2E=required
// they fail there, and with ROTA_E2E=off they are not run at all. rota runs in a
// container of an image made from this source, or of the one ROTA_E2E_IMAGE
// names.
package e2e
