/**
 * `npm run dashboard`: bundles the page of `src/dashboard/` to where the daemon of a checkout looks for it. `npm ci` does
 * it, too; packing does it for users. `-- --watch` does it whenever a file changes.
 */
import { context } from 'esbuild'
import { join } from 'node:path'
import { bundleDashboard, bundleOptions } from './dashboard/bundle.ts'
import { root } from './source-tree.ts'

const folder = join(root, 'src/dashboard/bundle')

if (process.argv.includes('--watch')) {
  const watching = await context(bundleOptions(folder))
  await watching.watch()
} else {
  const { scriptSize } = await bundleDashboard(folder)
  console.log(`${folder}: ${scriptSize} bytes of script, compressed`)
}
