/** What `store-writer.ts` writes, known to the tests that read it back. */

export const WRITER_IDENTITY = { clusterId: '01'.repeat(32), publicKey: new Uint8Array(48).fill(1) }
export const WRITER_GROUP = 7

export function writerRecord(index: number, bytes: number): Uint8Array {
  return new TextEncoder().encode(`${index} `.padEnd(bytes, 'x'))
}

export function groupFrom(first: number, bytes: number): Uint8Array[] {
  return Array.from({ length: WRITER_GROUP }, (_, i) => writerRecord(first + i, bytes))
}
