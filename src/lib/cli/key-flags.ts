/** The flags that commands on keys share: which folder, and where a passphrase comes from. */
import { Flags } from '@oclif/core'

/** The folder of keys, where it is not the one in the state folder. */
export const keysFlag = {
  keys: Flags.string({ description: 'The folder of keys (default: keys in the state folder).', helpValue: 'DIR' }),
}

/** The passphrase's file; `readPassphrase` falls back to MUSIG_PASSPHRASE_FILE and then to a hidden prompt. */
export const passphraseFlag = {
  'passphrase-file': Flags.string({
    description: 'A file (0600) with the passphrase; else MUSIG_PASSPHRASE_FILE is read, else the terminal asks.',
    helpValue: 'FILE',
  }),
}
