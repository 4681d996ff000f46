package cmd

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/smallstep/truststore"
	"github.com/spf13/cobra"

	"github.com/rota-proxy/rota/proxy/certs"
)

const trustName = "trust"

// trustStore is where a machine keeps the authorities that its programs trust.
type trustStore struct {
	install, uninstall func(*x509.Certificate) error
	// browsers is why those that keep a store of their own are left out; nil: they
	// are not.
	browsers func() error
}

// systemTrust is the store of this machine, with that of Firefox and of Chrome on
// Linux (NSS) where there is one.
func systemTrust() trustStore {
	return trustStore{
		install:   func(root *x509.Certificate) error { return truststore.Install(root, truststore.WithFirefox()) },
		uninstall: func(root *x509.Certificate) error { return truststore.Uninstall(root, truststore.WithFirefox()) },
		browsers: func() error {
			nss, err := truststore.NewNSSTrust()
			if err != nil {
				return err
			}
			return nss.PreCheck()
		},
	}
}

func newTrustCommand(env environment, store trustStore) *cobra.Command {
	uninstall := false
	command := &cobra.Command{
		Use:   trustName + " [FILE] [flags]",
		Short: "Let this machine trust the internal authority",
		Long: `Let this machine trust the internal authority: its programs then accept what it signs for Targets with the label tls: internal.

The root is that of the data folder, made if there is none yet, or the one in FILE, - being the standard input. Call it as yourself: it asks sudo where it has to. Whoever can read the root's key, in the data folder, can pass for any site on machines that trust it.`,
		Example: "rota trust\ndocker compose exec -T rota rota root | rota trust -\nrota trust --uninstall",
		Args:    cobra.MaximumNArgs(1),
	}
	data := bindData(command.Flags())
	addSwitch(command.Flags(), &uninstall, "uninstall", flagText{group: groupFiles, help: "Trust it no longer."})
	command.RunE = func(command *cobra.Command, args []string) error {
		root, err := rootToTrust(command.InOrStdin(), args, authorityFolder(*data, env))
		if err != nil {
			return err
		}
		change, done := store.install, "trusted"
		if uninstall {
			change, done = store.uninstall, "no longer trusted"
		}
		if err := change(root); err != nil {
			return explainTrust(err)
		}
		out := command.OutOrStdout()
		_, _ = fmt.Fprintf(out, "%s is %s by this machine (SHA-256 %x)\n", root.Subject.CommonName, done, sha256.Sum256(root.Raw))
		if err := store.browsers(); err != nil {
			_, _ = fmt.Fprintf(out, "Firefox, and Chrome on Linux, keep a store of their own, which was left out: %s\n", printable(err.Error()))
		}
		return nil
	}
	return command
}

// rootToTrust is the one in the file of the arguments, else that of the folder.
func rootToTrust(stdin io.Reader, args []string, folder string) (*x509.Certificate, error) {
	if len(args) == 0 {
		return certs.NewAuthority(folder).Root()
	}
	file := stdin
	if args[0] != "-" {
		opened, err := os.Open(args[0])
		if err != nil {
			return nil, usageErrorf("reading the root: %w", err)
		}
		defer func() { _ = opened.Close() }()
		file = opened
	}
	text, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the root: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, usageErrorf("%s is no certificate in the PEM form; right would be what rota root prints", args[0])
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, usageErrorf("%s: %w", args[0], err)
	}
	if !root.IsCA {
		return nil, usageErrorf("%s is not the certificate of an authority; right would be what rota root prints", args[0])
	}
	return root, nil
}

// explainTrust adds what the program said that was to do it, and what to do.
func explainTrust(err error) error {
	var failed *truststore.CmdError
	switch {
	case errors.Is(err, truststore.ErrNotSupported), errors.Is(err, truststore.ErrTrustNotSupported):
		return fmt.Errorf("there is no trust store here that rota knows: %w; "+
			"on the machine of the browser type: docker compose exec -T rota rota root | rota trust -", err)
	case errors.As(err, &failed):
		return fmt.Errorf("changing the trust store: %w: %s", err, printable(string(bytes.TrimSpace(failed.Out()))))
	}
	return fmt.Errorf("changing the trust store: %w", err)
}
