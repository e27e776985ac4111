/** A certificate authority of the test's own, made with openssl, and what it certifies. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whether openssl is on this machine. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export class OwnAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'musig-authority-'))

  constructor() {
    this.#openssl(['req', '-x509', ...this.#newKey('ca.key'), '-subj', '/CN=authority of a test', '-days', '2', '-out', 'ca.pem'])
  }

  /** The path of its own certificate. */
  get root(): string {
    return join(this.#folder, 'ca.pem')
  }

  /** A certificate for these names and addresses (`DNS:localhost`, `IP:127.0.0.1`). */
  certify(...names: string[]): { certificate: string; key: string } {
    this.#openssl(['req', ...this.#newKey('key.pem'), '-subj', '/CN=server of a test', '-out', 'request.pem'])
    writeFileSync(join(this.#folder, 'names'), `subjectAltName=${names.join()}\n`)
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names', '-out', 'certificate.pem']
    this.#openssl(['x509', '-req', '-in', 'request.pem', ...signing])
    const read = (name: string) => readFileSync(join(this.#folder, name), 'utf8')
    return { certificate: read('certificate.pem'), key: read('key.pem') }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #newKey(path: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path]
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'ignore' })
  }
}
