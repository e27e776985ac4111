/** Text that tries to be something else, for tests of everything that shows what others wrote. */

/** What a manifest, a votes file or a transaction could carry: markup, escape codes, a bell, line breaks, a right-to-left override, a lone surrogate, a wide script. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><b a=\'&',
  '\u001b[31mred\u0007',
  'two\r\nlines\u2028',
  '\u202egnp.exe',
  '\ud800x\u0000\ufffe',
  '漢字漢字漢字漢字漢字漢字漢字',
]

/** Any control character but a line feed, and the others that must never get through. */
export const HARMFUL = /[^\P{Cc}\n]|[\u2028\u202e\ufffe]|\p{Cs}/u
