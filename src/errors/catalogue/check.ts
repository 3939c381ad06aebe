import { row } from '../row.ts'

/** A check of a converted image that cannot be made. */
export const checkErrors = {
  CHECK_SOURCE_UNUSABLE: row<{ source: string; why: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.source} cannot be compared with anything: ${c.why}`,
    hint: 'The first image is the original, the second what was made of it.',
  }),
  CHECK_NO_ORIGINAL: row<{ target: string; platform: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.target}: the source has no image for ${c.platform}`,
    hint: 'Name the image that this one was made from.',
  }),
  CHECK_KEY_UNUSABLE: row<{ file: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.file} is no private key that can be read: PEM, PKCS #8 in DER, or JWK`,
    hint: 'Name the private key of a recipient of the image; it must not be protected by a passphrase.',
  }),
}
