import { readFileSync } from 'node:fs'
import { readRecipient, type Recipient } from '../../formats/ocicrypt/recipient.ts'
import type { FailOption } from '../option-reader.ts'

/** Ways of ocicrypt to name a recipient that we do not know, and why not. */
const others: Readonly<Record<string, string>> = {
  pkcs7:
    'envelopes for certificates are not supported, the key in one is: openssl x509 -in FILE -pubkey -noout',
  pgp: 'keyrings of GnuPG are not supported',
  pkcs11: 'hardware tokens are not supported',
  provider: 'key providers are other programs, and none is run',
}

/** Recipients separated by commas, each `jwe:FILE`; the files are read now. */
export function recipientsOption(text: string, fail: FailOption): Recipient[] {
  const names = text.split(',').map((name) => name.trim())
  return names.filter((name) => name !== '').map((name) => recipient(name, fail))
}

function recipient(name: string, fail: FailOption): Recipient {
  const refuse = (problem: string): never => fail(`recipient ${JSON.stringify(name)}: ${problem}`)
  const colon = name.indexOf(':')
  const protocol = name.slice(0, Math.max(colon, 0))
  if (protocol !== 'jwe') {
    const why = others[protocol] ?? 'it does not say how'
    return refuse(`${why}; write jwe:FILE with the file of a public key`)
  }
  const path = name.slice(colon + 1)
  let file: Uint8Array
  try {
    file = readFileSync(path)
  } catch (error) {
    return refuse(`the file cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  const read = readRecipient(file)
  return typeof read === 'string' ? refuse(read) : read
}
