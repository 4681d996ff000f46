package proxy

import "testing"

func TestMayTrail(t *testing.T) {
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "Server-Timing", "Digest", "X-Checksum", "Etag"} {
		if !mayTrail(name) {
			t.Errorf("%s is not let through", name)
		}
	}
	for _, name := range []string{
		"", "Content-Length", "content_length", "Transfer-Encoding", "TRANSFER_ENCODING", "Host", "Connection", "Te", "Trailer",
		"Authorization", "Cookie", "Set-Cookie", "Set_Cookie", "X-Forwarded-For", "X_forwarded_for", "Forwarded", "X-Real-Ip",
		"If-Match", "Content-Type", "Content-Encoding", "Cache-Control", "Location", "Proxy", "Upgrade", "Rota-Reason",
	} {
		if mayTrail(name) {
			t.Errorf("%s is let through", name)
		}
	}
}
