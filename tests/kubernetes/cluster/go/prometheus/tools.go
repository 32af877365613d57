//go:build tools

// Prometheus itself is the module's program: this keeps it in go.mod.
package tools

import _ "github.com/prometheus/prometheus/cmd/prometheus"
