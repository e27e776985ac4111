/**
 * The certificate of a link key: X.509 (RFC 5280), self-signed by the very Ed25519 key (RFC 8410) that stands in the manifest, the same bytes whenever it is made.
 * Owns its few bytes of DER. Nothing in it but the key is ever looked at: who checks it is `link-tls.ts`.
 */
import { createPublicKey, sign } from 'node:crypto'
import { concat, fromHex, utf8 } from '../base/bytes.js'
import { secretKeyObject } from './ed25519.js'

const TAG = { integer: 0x02, bitString: 0x03, oid: 0x06, utf8String: 0x0c, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31 } as const

const ED25519 = element('sequence', element('oid', fromHex('2b6570')))
const NAME = element('sequence', element('set', element('sequence', element('oid', fromHex('550403')), element('utf8String', utf8('musig')))))
/** It ends with its cluster, not on a day: the last second that X.509 can say stands for that. */
const VALIDITY = element('sequence', element('utcTime', utf8('700101000000Z')), element('generalizedTime', utf8('99991231235959Z')))
const SERIAL = element('integer', Uint8Array.of(1))

/** The certificate and the private key of a link key's secret seed, in PEM, as TLS takes them. */
export function linkCertificate(linkSecretKey: Uint8Array): { cert: string; key: string } {
  const secretKey = secretKeyObject(linkSecretKey)
  const publicKey = Uint8Array.from(createPublicKey(secretKey).export({ format: 'der', type: 'spki' }))
  const content = element('sequence', SERIAL, ED25519, NAME, VALIDITY, NAME, publicKey)
  const signature = element('bitString', Uint8Array.of(0), Uint8Array.from(sign(null, content, secretKey)))
  const base64 = Buffer.from(element('sequence', content, ED25519, signature)).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: secretKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

/** One element of DER. A certificate is 200 to 300 bytes: a length is one byte, or two after 0x82. */
function element(tag: keyof typeof TAG, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(...parts)
  const { length } = content
  return concat(length < 0x80 ? Uint8Array.of(TAG[tag], length) : Uint8Array.of(TAG[tag], 0x82, length >> 8, length & 0xff), content)
}
