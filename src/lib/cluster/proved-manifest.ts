/** The manifest to check things against offline: one that was given, or the cluster's own; its proofs are checked either way. */
import { readFileSync } from 'node:fs'
import { toHex } from '../base/bytes.js'
import type { Bls } from '../bls/backend.js'
import { loadManifest, type Manifest } from '../core/manifest.js'
import { ClusterFolder } from './cluster-folder.js'
import type { Place } from './connection.js'

/** `json`: the manifest that was given; undefined: the one in the cluster's folder, of this epoch or the latest. Errors: `NOT_FOUND`, `BAD_INPUT`, `BAD_ENCODING`. */
export function provedManifest(json: unknown, { home, cluster }: Place, bls: Bls, epoch?: number): Manifest {
  if (json !== undefined) return loadManifest(json, bls)
  const folder = new ClusterFolder(home, cluster)
  const record = folder.read()
  // Read once for the errors of a damaged folder, then with the proofs.
  folder.manifest(record)
  return loadManifest(JSON.parse(readFileSync(folder.manifestFile(record, epoch), 'utf8')), bls)
}

/** All that something may be from: one that was given, or those of all epochs of the cluster, the latest first. Errors: as of `provedManifest`. */
export function provedManifests(json: unknown, place: Place, bls: Bls): [Manifest, ...Manifest[]] {
  const latest = provedManifest(json, place, bls)
  if (json !== undefined) return [latest]
  const earlier = Array.from({ length: latest.epoch }, (_, i) => provedManifest(undefined, place, bls, latest.epoch - 1 - i))
  return [latest, ...earlier]
}

/** What evidence of a cluster is judged by: the manifests of all its epochs, and its signers' numbers, by their public keys, which stay while their indices change. */
export function provedEpochs(place: Place, bls: Bls): { manifest: Manifest; earlier: Manifest[]; numbers: Map<string, number> } {
  const [manifest, ...earlier] = provedManifests(undefined, place, bls)
  const { signers } = new ClusterFolder(place.home, place.cluster).read()
  return { manifest, earlier, numbers: new Map(signers.map(({ publicKey, index }) => [toHex(publicKey), index])) }
}
