import Foundation
import MidSdk

final class SystemClock: Clock {
    func now() -> UInt64 { UInt64(Date().timeIntervalSince1970) }
}

/// Arguments: files of the trust anchor and of a bundle, fetched once a day. Reads codes from its input, as a camera would.
@main
struct Gate {
    static func main() throws {
        let files = try CommandLine.arguments.dropFirst().map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        let gate = try Scanner(anchor: files[0], clock: SystemClock())
        _ = try gate.updateBundle(bundle: files[1])
        while let code = readLine() {
            do {
                let shown = try readCode(expected: .presentation, text: code)
                let verdict = try gate.checkDisplayed(
                    presentation: shown, credentialType: "kr.go.police.zk-identity.1", profile: "age-19")
                print("adult; trust data is \(verdict.trustAge) s old")
            } catch let ApiError.Refused(reason, advice) {
                print("no: \(reason): \(advice)")
            }
        }
    }
}
