// Exports of the package: one named line per file.
export {}
