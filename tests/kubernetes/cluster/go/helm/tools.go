//go:build tools

// helm itself is the module's program: this keeps it in go.mod.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
