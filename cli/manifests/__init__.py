"""What `mesh install` prints: typed values in, Kubernetes objects out.

values.py       every value with its default, its type and what it does
accepted.py     values that the API server, or a process at its start, would refuse
overrides.py    `--set` and `-f` files merged over the defaults, with errors that name key and nearest name
credentials.py  trust anchor, issuer and webhook certificate: made on the spot, or read and checked
stored.py       what an installation remembers of its values, so that an upgrade keeps them
existing.py     the credentials an installation has
upgrade.py      what an upgrade keeps, and what it refuses; versions.py    of which control planes a command may speak
differences.py  what applying would change, in words
leftovers.py kinds.py    what is installed, found by its label
folder.py       manifests as files
high_availability.py scheduling.py    the values of --ha; where control-plane pods run
objects.py      the shapes every component uses: metadata, Deployment, Service, ServiceAccount
meshed.py       a control-plane pod with the mesh's own proxy in it
namespace.py identity.py destination.py injector.py web.py tap.py config.py    one component each
validator.py    the webhook that destination answers; webhooks.py    what every webhook configuration says
policies.py     the kinds that say what traffic may do
crds.py         the custom resource definitions, from the YAML files in crds/
install.py      all of it in the order it must be applied

Rendering is pure: the same values and credentials give the same objects.
"""
