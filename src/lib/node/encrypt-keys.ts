/** Encrypts several keys at once on worker threads, so that the cores are shared and the terminal stays alive. What one keystore is: `keystore.ts`. */
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { IKeystore } from '@chainsafe/bls-keystore'
import { MusigError } from '../base/errors.js'
import { checkNewPassphrase, encryptedKey, type Kdf, type KeyFile, type OpenKey } from './keystore.js'

/** Each thread takes 256 MiB for scrypt. */
const MAX_THREADS = 4

/**
 * What a thread runs: the library's own `create`, job by job. A text and not a file, so that it is the same from source, compiled and bundled.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { create, defaultScryptModule } = require(workerData.library)
parentPort.on('message', ({ index, passphrase, secretKey, publicKey, path, description, kdf }) => {
  create(passphrase, secretKey, publicKey, path, description, kdf ?? defaultScryptModule()).then(
    (keystore) => parentPort.postMessage({ index, keystore }),
    () => parentPort.postMessage({ index }),
  )
})
`

interface Job {
  index: number
  passphrase: string
  secretKey: Uint8Array
  publicKey: Uint8Array
  path: string
  description: string
  kdf: Kdf | undefined
}

/** What the thread says of a job: its keystore, or none if it failed. */
interface Answer {
  index: number
  keystore?: IKeystore
}

/** A key to encrypt, with the path of its derivation and a word for the reader. */
export interface ToEncrypt {
  key: OpenKey
  path?: string
  description?: string
}

/** Encrypts all keys under one passphrase, in their order; `onDone` hears how many are done. Errors: `BAD_INPUT` on a short passphrase. */
export async function encryptKeys(
  keys: readonly ToEncrypt[],
  passphrase: string,
  { onDone, kdf, signal }: { onDone?: (done: number) => void; kdf?: Kdf; signal?: AbortSignal } = {},
): Promise<KeyFile[]> {
  checkNewPassphrase(passphrase)
  const files: KeyFile[] = []
  let next = 0
  let done = 0
  const take = (): Job | undefined => {
    const index = next++
    const item = keys[index]
    if (!item) return undefined
    const { secretKey, publicKey } = item.key
    return { index, passphrase, secretKey, publicKey, path: item.path ?? '', description: item.description ?? '', kdf }
  }
  const keep = (index: number, keystore: IKeystore) => {
    const item = keys[index]
    if (item) files[index] = encryptedKey(item.key, keystore)
    onDone?.(++done)
  }
  const threads = Math.min(keys.length, MAX_THREADS, availableParallelism())
  await Promise.all(Array.from({ length: threads }, () => runThread(take, keep, signal)))
  return files
}

async function runThread(
  take: () => Job | undefined,
  keep: (index: number, keystore: IKeystore) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const library = createRequire(import.meta.url).resolve('@chainsafe/bls-keystore')
  const worker = new Worker(THREAD, { eval: true, execArgv: [], workerData: { library } })
  try {
    await new Promise<void>((resolve, reject) => {
      const ask = () => {
        const job = take()
        if (job) worker.postMessage(job)
        else resolve()
      }
      signal?.addEventListener('abort', () => reject(new MusigError('INTERNAL', 'interrupted')), { once: true })
      worker.on('error', reject)
      worker.on('exit', () => reject(new MusigError('INTERNAL', 'a thread that encrypts keys ended before its work')))
      worker.on('message', ({ index, keystore }: Answer) => {
        if (!keystore) return reject(new MusigError('INTERNAL', 'a key could not be encrypted'))
        keep(index, keystore)
        ask()
      })
      ask()
    })
  } finally {
    await worker.terminate()
  }
}
