// podmonitor reads PodMonitors as YAML from stdin, and fails for what the operator's own types do not know.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	documents "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := check(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(source io.Reader) error {
	reader := documents.NewYAMLReader(bufio.NewReader(source))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		var found monitoring.PodMonitor
		if err := yaml.UnmarshalStrict(text, &found); err != nil {
			return err
		}
		if found.APIVersion != monitoring.SchemeGroupVersion.String() || found.Kind != monitoring.PodMonitorsKind {
			return fmt.Errorf("%s %s is not a %s", found.APIVersion, found.Kind, monitoring.PodMonitorsKind)
		}
		fmt.Println(found.Name)
	}
}
