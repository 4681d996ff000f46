# The image of the proxy: one static binary and the certificates it verifies by.
# Only what the classic builder knows is used, so that docker-compose 1.29 and
# engines without BuildKit build it too.

# GO_IMAGE may name another image with Go and a CA bundle, where this one cannot
# be pulled (.ci/golang-image makes one).
ARG GO_IMAGE=golang:1.26
FROM ${GO_IMAGE} AS build
# By this label the stage is found again when it is to be removed. It is none of
# the proxy's own labels: step containers are containers, too.
LABEL rota-build.stage=build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/rota . && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/rota /usr/local/bin/rota
# What rota keeps, and where `rota ps` finds the running one: mount a volume. No
# VOLUME, which would leave a nameless one behind for every replica of whoami.
COPY --from=build /out/data /data
ENV PATH=/usr/local/bin
EXPOSE 80
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/rota", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/rota"]
CMD ["serve"]
