// swift-tools-version:5.9
import PackageDescription

// For phones, put an XCFramework of the library in the place of `MidSdkFFI` (README.md). As it is, the package builds on
// a Mac or on Linux against the library of that machine: `swift build -Xlinker -L<folder of the library>`.
let package = Package(
    name: "MidSdk",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "MidSdk", targets: ["MidSdk"])],
    targets: [
        .target(name: "MidSdkFFI"),
        .target(name: "MidSdk", dependencies: ["MidSdkFFI"], linkerSettings: [.linkedLibrary("mobile_bindings")]),
        .executableTarget(name: "Gate", dependencies: ["MidSdk"]),
    ]
)
