"""What `kubectl get` prints: server-side tables (`as=Table`), pure.

columns     a column, a table, the common cells          ages     `5m30s`: how long ago
pods        workloads   network   cluster   events       custom   a CRD's printer columns
pick        which columns a kind has
"""
