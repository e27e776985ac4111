// A page that verifies a certificate where it is opened. All that decides is three calls of the library; the rest shows what they say.
import { loadManifest, readBatch, signatureClaim, verifyCertificate } from 'musig-paxos/pure'

const element = (id) => document.getElementById(id)
let manifest
let certificate

/** A file becomes the manifest or the certificate, by what is in it. */
async function take(file) {
  let json
  try {
    json = JSON.parse(await file.text())
  } catch {
    return fill('certificate', file.name, 'This file is not JSON.', true)
  }
  if (json !== null && typeof json === 'object' && Array.isArray(json.signers)) takeManifest(json, file.name)
  else takeCertificate(json, file.name)
  show()
}

function takeManifest(json, name) {
  try {
    manifest = loadManifest(json)
    fill('manifest', name, `Cluster “${manifest.name}”: ${manifest.n} signers, quorum ${manifest.quorum}. All proofs of possession hold.`)
  } catch (error) {
    manifest = undefined
    fill('manifest', name, `Refused: ${error.message}.`, true)
  }
}

function takeCertificate(json, name) {
  certificate = json
  fill('certificate', name, manifest ? '' : 'Waits for the manifest.')
}

function fill(slot, name, detail, wrong = false) {
  const box = element(`${slot}-slot`)
  box.classList.add('filled')
  box.classList.toggle('wrong', wrong)
  box.querySelector('.name').textContent = name
  box.querySelector('.detail').textContent = detail
}

function show() {
  element('result').hidden = !(manifest && certificate !== undefined)
  if (!manifest || certificate === undefined) return
  const begun = performance.now()
  let verdict
  try {
    verdict = verifyCertificate(manifest, certificate)
  } catch (error) {
    fill('certificate', element('certificate-slot').querySelector('.name').textContent, `Refused: ${error.message}.`, true)
    element('result').hidden = true
    return
  }
  const verifyMs = performance.now() - begun
  fill('certificate', element('certificate-slot').querySelector('.name').textContent, `Checked in ${Math.round(verifyMs)} ms.`, !verdict.valid)
  const { tone, mark, title, sentence } = words(verdict)
  element('result').style.setProperty('--tone', `var(--${tone})`)
  element('mark').textContent = mark
  element('title').textContent = title
  element('sentence').textContent = sentence
  showSigners(verdict)
  showFacts(verdict)
}

/** The verdict for people. */
function words({ valid, path, decisive, reason, note, signers, quorum }) {
  if (!valid) return { tone: 'bad', mark: '✗', title: 'This proves nothing', sentence: `${capital(reason)}.` }
  const all = `${signers.length} of ${manifest.n} signers`
  if (path === 'slow') {
    const sentence = `In phase 3: the votes left room for doubt, so ${all} signed the value itself; ${quorum} are enough.`
    return { tone: 'good', mark: '✓', title: 'This batch is committed', sentence }
  }
  if (!decisive) return { tone: 'b', mark: '?', title: `Signed by ${all}`, sentence: `${capital(note)}.` }
  const sentence = `By its votes alone: ${all} voted, and at least ${quorum} of them agree about every batch that it conflicts with.`
  return { tone: 'good', mark: '✓', title: 'This batch is committed', sentence }
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1)
}

/** One chip for each signer; those that signed the same message share a colour. */
function showSigners({ valid, signers }) {
  const groups = valid ? messagesBySigner() : new Map()
  const colours = [...new Set(groups.values())]
  element('signers').replaceChildren(
    ...manifest.signers.map(({ name }, i) => {
      const chip = document.createElement('span')
      const signed = signers.includes(i)
      chip.className = signed ? 'signer' : 'signer absent'
      if (signed) chip.style.setProperty('--group', valid ? `var(--${'abc'[colours.indexOf(groups.get(i)) % 3]})` : 'var(--faint)')
      chip.textContent = name
      chip.title = signed ? `signed ${groups.get(i) ?? 'what does not hold'}` : 'not in this certificate'
      return chip
    }),
  )
}

function messagesBySigner() {
  const { publicKeys, messages } = signatureClaim(manifest, certificate)
  const indexes = new Map(manifest.signers.map(({ publicKey }, i) => [hexOf(publicKey), i]))
  return new Map(publicKeys.map((key, i) => [indexes.get(key), messages[i]]))
}

function showFacts({ valid, batchId, transactions, predecessors, score, distinctMessages, ballot, path }) {
  const facts = [
    ['Batch', [mono(batchId)]],
    ...(valid && transactions ? [['Transactions', transactions.map(transactionLine)]] : []),
    ...(valid && predecessors
      ? [['Goes after', predecessors.length > 0 ? predecessors.map(mono) : ['nothing that is not executed before it anyway']]]
      : []),
    ...(valid && score !== null ? [['Score', [`${Math.round(score * manifest.n)} of ${manifest.n}`]]] : []),
    ...(path === 'slow' ? [['Ballot', [String(ballot)]]] : []),
    ...(valid
      ? [
          [
            'Signature',
            [
              distinctMessages === 1
                ? 'one, all signed the same message'
                : `one, over ${distinctMessages} messages: who signed the same one has the same colour`,
            ],
          ],
        ]
      : []),
  ]
  element('facts').replaceChildren(
    ...facts.flatMap(([label, lines]) => {
      const [term, detail] = [document.createElement('dt'), document.createElement('dd')]
      term.textContent = label
      for (const line of lines) {
        const row = document.createElement('div')
        row.append(line)
        detail.append(row)
      }
      return [term, detail]
    }),
  )
}

function transactionLine(txId, i) {
  const { payload } = readBatch(manifest, certificate.batch).transactions[i]
  const text = new TextDecoder().decode(payload)
  return mono(`${txId.slice(0, 12)}…  ${text.length > 300 ? `${text.slice(0, 300)}…` : text}`)
}

function mono(text) {
  const code = document.createElement('code')
  code.textContent = text
  return code
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

for (const slot of ['manifest', 'certificate'])
  element(`${slot}-slot`)
    .querySelector('input')
    .addEventListener('change', async ({ target }) => {
      for (const file of target.files) await take(file)
      target.value = ''
    })
document.addEventListener('dragover', (event) => {
  event.preventDefault()
  document.body.classList.add('over')
})
document.addEventListener('dragleave', () => document.body.classList.remove('over'))
document.addEventListener('drop', async (event) => {
  event.preventDefault()
  document.body.classList.remove('over')
  for (const file of event.dataTransfer.files) await take(file)
})

// build.mjs puts a manifest in here, if it is given one.
const builtIn = globalThis.BUILT_IN_MANIFEST
if (builtIn) takeManifest(builtIn, 'built into this page')
