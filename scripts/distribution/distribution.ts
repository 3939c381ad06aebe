import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { bundleDashboard } from '../dashboard/bundle.ts'
import { root } from '../source-tree.ts'
import { buildPrograms } from './programs.ts'

/** Writes what users run into `folder`: the programs, the types of all modules, the dashboard. Throws what a tool says. */
export async function buildDistribution(folder: string): Promise<void> {
  compileTypes(folder)
  await buildPrograms(folder)
  await bundleDashboard(join(folder, 'dashboard/bundle'))
}

function compileTypes(folder: string): void {
  const compiler = join(root, 'node_modules/.bin/tsc')
  try {
    execFileSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', folder], {
      cwd: root,
      encoding: 'utf8',
    })
  } catch (error) {
    // The compiler reports on standard output.
    throw new Error((error as { stdout: string }).stdout, { cause: error })
  }
}
