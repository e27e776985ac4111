/** Elements of XML and HTML with everything in them escaped, for drawings and the report. What they look like is left to `svg` and `report-html`. */
import { plain } from './lines.js'

/** Attributes of an element; undefined ones are left out, numbers rounded to hundredths. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** Text made harmless for XML content and attribute values. */
export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return plain(text).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** One element; children are finished markup, without any it closes itself. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => (value === undefined ? '' : ` ${key}="${typeof value === 'number' ? round(value) : escapeXml(value)}"`))
    .join('')
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`
}

/** To hundredths. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
