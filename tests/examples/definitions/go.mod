module scim-operator.io/tests/examples/definitions

go 1.26.0

require (
	github.com/argoproj/argo-cd/v3 v3.2.0
	github.com/cloudnative-pg/cloudnative-pg v1.27.0
	github.com/fluxcd/helm-controller v1.4.0
	github.com/fluxcd/kustomize-controller v1.7.3
	github.com/fluxcd/source-controller v1.7.0
)
