import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/config/package-root.ts'

const run = promisify(execFile)

/**
 * Lays out in `folder` what is published: built sources, no TypeScript. In a clone Node strips the types at every start, which
 * alone holds some 25 MiB that no user of the package pays.
 * @returns the module that starts nodes of it
 */
export async function layPackage(
  folder: string
): Promise<typeof import('../../src/nodes/child.ts')> {
  const from = (...names: string[]) => join(packageRoot, ...names)
  await mkdir(join(folder, 'bin'))
  await Promise.all([
    copyFile(from('package.json'), join(folder, 'package.json')),
    copyFile(from('bin/muttr.js'), join(folder, 'bin/muttr.js')),
    cp(from('bootstrap'), join(folder, 'bootstrap'), { recursive: true }),
    symlink(from('node_modules'), join(folder, 'node_modules')),
    run(process.execPath, [
      from('node_modules/typescript/bin/tsc'),
      '-p',
      from('tsconfig.build.json'),
      '--outDir',
      join(folder, 'dist')
    ])
  ])
  return import(join(folder, 'dist/src/nodes/child.js'))
}
