/** `npm run build [-- DIRECTORY]`: makes what users run of `src/`, in DIRECTORY (default `dist`), which is emptied. */
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildDistribution } from './distribution/distribution.ts'
import { root } from './source-tree.ts'

const folder = resolve(process.argv[2] ?? join(root, 'dist'))
rmSync(folder, { recursive: true, force: true })
await buildDistribution(folder)
