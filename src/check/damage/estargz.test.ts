/** eStargz: what a conversion could do wrong around its layers; `src/verify/damage.test.ts` has what it could in them. */
import { TOC_DIGEST_ANNOTATION } from '../../formats/estargz/layout.ts'
import { digestOf } from '../../oci/digest.ts'
import { annotation, blob } from '../../testing/damage/common-damage.ts'
import { damageSuite } from '../../testing/damage/damage-bench.ts'
import { lazyImageDamage } from '../../testing/damage/lazy-image-damage.ts'

const OTHER = digestOf('other')

damageSuite(
  'damage to an eStargz image is noticed and named',
  { driver: '{type: estargz, config: {chunk_size: "4096"}}' },
  [
    ...lazyImageDamage,
    ['the digest of the TOC', annotation(0, TOC_DIGEST_ANNOTATION, OTHER), /TOC|stargz\.index/],
    ['no digest of the TOC', annotation(0, TOC_DIGEST_ANNOTATION, undefined), /not lazy/],
    ['an end that is cut off', blob(0, (bytes) => bytes.subarray(0, -1)), /there is no footer/],
    [
      'bytes behind the footer',
      blob(0, (bytes) => Buffer.concat([bytes, Buffer.alloc(8)])),
      /there is no footer/,
    ],
  ],
)
