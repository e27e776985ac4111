/** The manifest to check things against offline: one that was given, or the cluster's own; its proofs are checked either way. */
import { readFileSync } from 'node:fs'
import type { Bls } from '../bls/backend.js'
import { loadManifest, type Manifest } from '../core/manifest.js'
import { ClusterFolder } from './cluster-folder.js'
import type { Place } from './connection.js'

/** `json`: the manifest that was given; undefined: the one in the cluster's folder. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`. */
export function provedManifest(json: unknown, { home, cluster }: Place, bls: Bls): Manifest {
  if (json !== undefined) return loadManifest(json, bls)
  const folder = new ClusterFolder(home, cluster)
  const record = folder.read()
  // Read once for the errors of a damaged folder, then with the proofs.
  folder.manifest(record)
  return loadManifest(JSON.parse(readFileSync(folder.resolve(record.manifest), 'utf8')), bls)
}
