// Command rota is a reverse proxy that discovers its backends from the labels
// of Docker containers. See README.md.
package main

import "os"

func main() {
	os.Exit(0)
}
