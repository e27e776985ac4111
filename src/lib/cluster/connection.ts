/**
 * How a command reaches a local cluster: its folder, its manifest as it lies there, and a client for its signers, closed when the work is done. What is
 * asked of the cluster is the caller's affair.
 */
import type { Manifest } from '../core/manifest.js'
import { Client } from '../node/client.js'
import { ClusterFolder } from './cluster-folder.js'

/** A cluster by name in a state folder. */
export interface Place {
  home: string
  cluster: string
}

/** A cluster that can be asked. */
export interface Connection {
  folder: ClusterFolder
  /** From the cluster's folder, its proofs not checked. */
  manifest: Manifest
  client: Client
}

/** Does the work with a connection and closes it. Errors: `NOT_FOUND` where there is no such cluster; those of the work. */
export async function withCluster<T>({ home, cluster }: Place, work: (connection: Connection) => Promise<T>): Promise<T> {
  const folder = new ClusterFolder(home, cluster)
  const manifest = folder.manifest(folder.read())
  const client = new Client({ clusterFile: folder.file })
  try {
    return await work({ folder, manifest, client })
  } finally {
    client.close()
  }
}
