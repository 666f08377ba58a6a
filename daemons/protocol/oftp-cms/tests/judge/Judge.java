import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.*;

/**
 * BouncyCastle as the other side. In the folder that it is given it reads each ours/SUITE-SHAPE.cms
 * into ours/SUITE-SHAPE.out, and makes theirs/SUITE-SHAPE.cms of the file content. A shape's letters
 * are its layers: s(igned), c(ompressed), e(ncrypted). What it cannot do it says in a file that ends in
 * .error.
 */
public class Judge {
    static Path folder;
    static X509Certificate alice, bob;
    static PrivateKey aliceKey, bobKey;

    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        folder = Path.of(words[0]);
        alice = certificate("alice.crt");
        bob = certificate("bob.crt");
        aliceKey = key("alice.key");
        bobKey = key("bob.key");
        Files.createDirectories(folder.resolve("theirs"));
        byte[] content = Files.readAllBytes(folder.resolve("content"));
        List<Path> packages;
        try (var files = Files.list(folder.resolve("ours"))) {
            packages = files.toList();
        }
        for (Path ours : packages) {
            String cell = ours.getFileName().toString().replace(".cms", "");
            int suite = Integer.parseInt(cell.substring(0, 2));
            String shape = cell.substring(3);
            attempt("ours/" + cell, ".out", () -> read(suite, shape, Files.readAllBytes(ours)));
            attempt("theirs/" + cell, ".cms", () -> make(suite, shape, content));
        }
    }

    interface Attempt {
        byte[] make() throws Exception;
    }

    static void attempt(String cell, String ending, Attempt attempt) throws Exception {
        try {
            Files.write(folder.resolve(cell + ending), attempt.make());
        } catch (Exception error) {
            Files.writeString(folder.resolve(cell + ".error"), error.toString());
        }
    }

    static String digest(int suite) {
        return switch (suite) {
            case 1, 2 -> "SHA1";
            case 3, 4, 8 -> "SHA256";
            case 5, 6, 9 -> "SHA512";
            default -> "SHA3-512";
        };
    }

    static byte[] make(int suite, String shape, byte[] content) throws Exception {
        byte[] made = content;
        if (shape.contains("s")) {
            var generator = new CMSSignedDataGenerator();
            String algorithm = digest(suite) + (suite < 8 ? "withRSA" : "withRSAandMGF1");
            var signer = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(aliceKey);
            var digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
            generator.addSignerInfoGenerator(
                new JcaSignerInfoGeneratorBuilder(digests).build(signer, alice));
            made = generator.generate(new CMSProcessableByteArray(made), true).getEncoded();
        }
        if (shape.contains("c")) {
            var compressor = new org.bouncycastle.cms.jcajce.ZlibCompressor();
            made = new CMSCompressedDataGenerator()
                .generate(new CMSProcessableByteArray(made), compressor).getEncoded();
        }
        if (shape.contains("e")) {
            var generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(suite));
            ASN1ObjectIdentifier cipher = suite == 1 || suite == 3 || suite == 5
                ? CMSAlgorithm.DES_EDE3_CBC : CMSAlgorithm.AES256_CBC;
            var encryptor = new JceCMSContentEncryptorBuilder(cipher).setProvider("BC").build();
            made = generator.generate(new CMSProcessableByteArray(made), encryptor).getEncoded();
        }
        return made;
    }

    static RecipientInfoGenerator recipient(int suite) throws Exception {
        if (suite < 8) {
            return new JceKeyTransRecipientInfoGenerator(bob).setProvider("BC");
        }
        String digest = digest(suite).replaceFirst("^SHA(\\d{3})$", "SHA-$1");
        var oaep = new OAEPParameterSpec(
            digest, "MGF1", new MGF1ParameterSpec(digest), PSource.PSpecified.DEFAULT);
        var algorithm = new JcaAlgorithmParametersConverter()
            .getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, oaep);
        return new JceKeyTransRecipientInfoGenerator(bob, algorithm).setProvider("BC");
    }

    static byte[] read(int suite, String shape, byte[] read) throws Exception {
        if (shape.contains("e")) {
            var recipients = new CMSEnvelopedData(read).getRecipientInfos().getRecipients();
            var recipient = new JceKeyTransEnvelopedRecipient(bobKey).setProvider("BC");
            read = recipients.iterator().next().getContent(recipient);
        }
        if (shape.contains("c")) {
            read = new CMSCompressedData(read).getContent(new ZlibExpanderProvider());
        }
        if (shape.contains("s")) {
            var signed = new CMSSignedData(read);
            var verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(alice);
            for (var signer : signed.getSignerInfos().getSigners()) {
                if (!signer.verify(verifier)) {
                    throw new CMSException("the signature is not Alice's");
                }
            }
            read = (byte[]) signed.getSignedContent().getContent();
        }
        return read;
    }

    static X509Certificate certificate(String name) throws Exception {
        byte[] octets = Files.readAllBytes(folder.resolve(name));
        return (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(octets));
    }

    static PrivateKey key(String name) throws Exception {
        String text = Files.readString(folder.resolve(name)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }
}
