export function bundle(entry: string, outfile: string): Promise<void>

/** Bundles a test file with the project's own sources. */
export function bundleTest(entry: string, outfile: string): Promise<void>
